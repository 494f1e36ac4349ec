"""Stage `refiner`: train the prior further, with losses on the decoded image, at the few times that
a restoration uses.

The minimum of score matching is the mean of all faces that a noisy latent may stand for: after few
steps, a blurred one. Adversarial and perceptual losses on the decoded image teach a few-step
sampler to end on a sharp face (adversarial diffusion distillation, Sauer et al. 2023).

Notation: t_0 > t_1 > ... the times of a restoration of `steps` steps from the IRN's latent; z_t0 =
alpha z_I + sigma eps its start; z0_hat(z_t, t) the prior's estimate. A step k is drawn. For k > 0,
z_tk is reached from z_t0 by one DDIM step without gradients. Then L = L1 + perceptual + patch-GAN +
(1 - cos) of SFace's embeddings, of the image that z0_hat(z_tk, t_k) decodes to. All but L1 have a
weight.
"""

from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch import nn
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.discriminator import PatchDiscriminator
from clrface.models.loading import load_network, move
from clrface.models.unet import RestorationUNet
from clrface.noise import normal, uniform
from clrface.restoration.estimate import Estimate, decoding, estimate
from clrface.restoration.sampler import Sampler, SamplerSpec, training_schedule
from clrface.training.adversary import hinge_loss
from clrface.training.data import Batch
from clrface.training.losses import Identity, Perceptual
from clrface.training.stage import Scalars, Stage, StageSpec


class RefinerStage(Stage):
    """Options: `t0`, `steps` and `residual` as in a restoration; weights `perceptual`, `identity`
    and `adversarial`; `perceptual_share` and `identity_share`, of a batch.

    Needs stages `decoder`, `irn` and `prior`, and starts from the last one's weights.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / "decoder"), device)
        self.irn = move(load_network(RestorationUNet, models / "irn"), device)
        self.main: UNet2DModel = load_network(UNet2DModel, models / "prior").train().requires_grad_(True)
        self.discriminator = PatchDiscriminator()
        self.perceptual = Perceptual(sources, device, spec.options["perceptual_share"])
        self.identity = Identity(sources, device, spec.options["identity_share"], spec.template)
        self.sampling = SamplerSpec(start="irn", t0=spec.options["t0"], solver="ddim", steps=spec.options["steps"])
        self.times = Sampler(self.main, self.sampling).timesteps()
        self.alphas_squared = training_schedule().alphas_cumprod
        self.refined: torch.Tensor | None = None

    def networks(self) -> dict[str, nn.Module]:
        return {"main": self.main, "discriminator": self.discriminator}

    def differentiated(self) -> list[nn.Module]:
        return [*super().differentiated(), self.autoencoder]

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        truth, options = self.autoencoder.seen(batch["hq"]), self.spec.options
        if turn == "discriminator":
            assert self.refined is not None  # the prior's own turn comes first
            return hinge_loss(self.call["discriminator"], truth, self.refined)
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        z_t, t = self._visited(known, batch["seed"].tolist())
        image = decoding(self.autoencoder, known, options["residual"])(self._estimate(z_t, t, known))
        adversarial = -self.discriminator(image).mean()
        parts = {"l1": functional.l1_loss(image, truth), "perceptual": self.perceptual(image, truth)}
        parts |= {"identity": self.identity(image, truth), "adversarial": adversarial}
        self.refined = image.detach()
        weights = {"l1": 1.0, **{name: options[name] for name in ("perceptual", "identity", "adversarial")}}
        return torch.stack([weights[name] * part for name, part in parts.items()]).sum(), {name: p.item() for name, p in parts.items()}

    def _visited(self, known: Estimate, seeds: list[int]) -> tuple[torch.Tensor, int]:
        """z_tk and t_k of a step that the batch's first seed draws."""
        place = int(uniform(seeds[:1], "refiner step") * len(self.times))
        eps = normal(seeds, tuple(known.z_irn.shape[1:]), "refiner noise").to(known.z_irn.device)
        first, t = int(self.times[0]), int(self.times[place])
        alpha, sigma = self._signal_and_noise(first)
        z_t = alpha * known.z_irn + sigma * eps
        if place == 0:
            return z_t, t
        with torch.no_grad():
            z0_hat = self._estimate(z_t, first, known)
        noise = (z_t - alpha * z0_hat) / sigma
        alpha, sigma = self._signal_and_noise(t)
        return alpha * z0_hat + sigma * noise, t

    def _estimate(self, z_t: torch.Tensor, t: int, known: Estimate) -> torch.Tensor:
        """z0_hat from v."""
        alpha, sigma = self._signal_and_noise(t)
        times = torch.full((len(z_t),), t, device=z_t.device)
        return alpha * z_t - sigma * self.call["main"](torch.cat([z_t, known.condition], 1), times).sample.float()

    def _signal_and_noise(self, t: int) -> tuple[float, float]:
        squared = float(self.alphas_squared[t])
        return squared**0.5, (1 - squared) ** 0.5

    def sheet(self, batch: Batch) -> torch.Tensor:
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        eps = normal(batch["seed"].tolist(), tuple(known.z_y.shape[1:]), "restore").to(known.z_y.device)
        decode = decoding(self.autoencoder, known, self.spec.options["residual"])
        refined = (decode(Sampler(self.main, self.sampling).run(eps, known)) + known.chroma).clamp(0, 1)
        return torch.stack([batch["lq"], known.x_irn + known.chroma, refined, batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 4
