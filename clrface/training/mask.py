"""Stage `mask`: where the recogniser's gradient may act.

One masked step of guidance from the prior's estimate, z' = z0_hat - scale * m * direction
(clrface.restoration.guidance), should gain identity against the truth at the least perceptual cost:
L = (1 - cos(phi(x'), phi(x))) + perceptual * ST-LPIPS(x', x) + sparsity * mean(m), with x' the
image of z' (clrface.restoration.estimate.decoding). The logged `share` is mean(m), in (0, 1).
"""

from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import nn
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network, move
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet
from clrface.noise import normal, uniform
from clrface.restoration.estimate import Estimate, decoding, estimate
from clrface.restoration.guidance import RecognitionGuide
from clrface.restoration.sampler import training_schedule
from clrface.training.data import Batch
from clrface.training.losses import Perceptual
from clrface.training.stage import Scalars, Stage, StageSpec


class MaskStage(Stage):
    """Options: `scale`, of the guidance step; `t0`, below which times are drawn, and `residual`, as
    in a restoration, in [0, 1] both; weights `perceptual` and `sparsity`.

    Needs stages `decoder`, `irn`, `identity` and `refiner`.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / "decoder"), device)
        self.irn = move(load_network(RestorationUNet, models / "irn"), device)
        self.head = move(load_network(IdentityHead, models / "identity"), device)
        self.prior = move(load_network(UNet2DModel, models / "refiner"), device)
        self.recogniser = SFace(sources, spec.template).to(device)
        self.perceptual = Perceptual(sources, device, share=1.0)
        self.main: LatentMask = LatentMask(self.autoencoder.config["latent_channels"], **spec.network)
        self.schedule = training_schedule()

    def differentiated(self) -> list[nn.Module]:
        return [*super().differentiated(), self.autoencoder]

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        truth, options = self.autoencoder.seen(batch["hq"]), self.spec.options
        with torch.no_grad():
            known = estimate(self.autoencoder, self.irn, batch["lq"])
            z0_hat = self._estimate(batch, known)
            target = self.recogniser(truth)
            predicted = self.head(self.recogniser, known.x_irn, known.y)
        decode = decoding(self.autoencoder, known, options["residual"])
        guide = RecognitionGuide(decode, self.recogniser, predicted, torch.ones_like(known.z_y[:, :1]), 1.0)
        direction = guide.direction(z0_hat)
        mask = self.call["main"](known.z_y, known.z_irn)
        image = decode(z0_hat - options["scale"] * mask * direction).clamp(0, 1)
        identity = (1 - functional.cosine_similarity(self.recogniser(image), target)).mean()
        perceptual = self.perceptual(image, truth)
        loss = identity + options["perceptual"] * perceptual + options["sparsity"] * mask.mean()
        return loss, {"identity": identity.item(), "perceptual": perceptual.item(), "share": mask.mean().item()}

    def _estimate(self, batch: Batch, known: Estimate) -> torch.Tensor:
        """z0_hat of the prior at a random time below t0, from the IRN's latent, as in a
        restoration.
        """
        last = self.schedule.config["num_train_timesteps"] * self.spec.options["t0"]
        t = (uniform(batch["seed"].tolist(), "mask time") * last).long().to(known.z_y.device)
        eps = normal(batch["seed"].tolist(), tuple(known.z_y.shape[1:]), "mask noise").to(known.z_y.device)
        z_t = self.schedule.add_noise(known.z_irn, eps, t)
        v = self.prior(torch.cat([z_t, known.condition], 1), t).sample.float()
        alpha_squared = self.schedule.alphas_cumprod.to(known.z_y.device)[t][:, None, None, None]
        return alpha_squared.sqrt() * z_t - (1 - alpha_squared).sqrt() * v

    def sheet(self, batch: Batch) -> torch.Tensor:
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        mask = self.main(known.z_y, known.z_irn)
        heat = functional.interpolate(mask, batch["hq"].shape[-2:], mode="bilinear").expand(-1, 3, -1, -1)
        return torch.stack([batch["lq"], known.x_irn, heat, batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 4
