"""Stages `autoencoder`, `codebook_vq` and the ablation's `autoencoder_*`: L1 + perceptual +
codebook + patch-GAN loss (VQGAN, Esser et al. 2021, with a fixed adversarial weight).

The codebook starts as k-means centres of the encoder's latents, after a stretch without
quantisation, and codes that nothing uses are moved onto latents of the batch: with a random start
most codes die.
"""

from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate.utils import broadcast as accelerate_broadcast
from scipy.cluster.vq import kmeans2
from torch import nn
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.discriminator import PatchDiscriminator
from clrface.models.loading import start_from, take_matching
from clrface.seeds import derive_seed
from clrface.training.adversary import hinge_loss
from clrface.training.data import Batch
from clrface.training.losses import Perceptual
from clrface.training.stage import Scalars, Stage, StageSpec

LATENTS_A_CODE = 64
"""Latents a code that k-means takes at most: a batch at 512x512 has a million latents, and more of
them move no centre.
"""


class AutoencoderStage(Stage):
    """Options: weights `perceptual` and `adversarial`; `perceptual_share`, of a batch;
    `adversarial_from` and `quantise_from`, shares of the steps; `revive_every`, in steps, over the
    first 80 % of them.

    `start_from`: a folder of weights (`clrface import-vq` makes one), whose codebook is kept. With
    0 steps, only its latents' mean and standard deviation are measured. `trunk_from`: a folder of
    weights of other latents; the tensors of its encoder and decoder that fit are the start, and the
    codebook starts anew.

    Raises: UserError for a `start_from` of another config, and a `trunk_from` of which nothing
    fits.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.main: Autoencoder = Autoencoder(**spec.network)
        self.start_from = spec.options.get("start_from")
        if self.start_from:
            start_from(self.main, Path(self.start_from), spec.name)
        elif spec.options.get("trunk_from"):
            take_matching(self.main, Path(spec.options["trunk_from"]))
        self.discriminator = PatchDiscriminator()
        self.perceptual = Perceptual(sources, device, spec.options["perceptual_share"])
        self.adversarial_from = round(spec.options["adversarial_from"] * spec.steps)
        self.revive_until = round(0.8 * spec.steps)
        self.quantise_from = round(spec.options["quantise_from"] * spec.steps)
        self.register_use()
        self.reconstruction: torch.Tensor | None = None

    def register_use(self) -> None:
        """Add the buffer `use` to the quantiser, so that checkpoints keep it: how often each code
        was used, (codes,), an exponential moving average.
        """
        self.main.vq.quantize.register_buffer("use", torch.ones(self.main.config["codes"]))

    def networks(self) -> dict[str, nn.Module]:
        return {"main": self.main, "discriminator": self.discriminator}

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        if turn == "discriminator":
            return self._discriminator_loss(batch, step)
        truth = batch["hq"]
        pred, codebook, _ = self.call["main"](truth, step >= self.quantise_from)
        l1 = functional.l1_loss(pred, truth)
        perceptual = self.perceptual(pred, truth)
        loss = l1 + self.spec.options["perceptual"] * perceptual + codebook
        scalars = {"l1": l1.item(), "perceptual": perceptual.item(), "codebook": codebook.item()}
        if step >= self.adversarial_from:
            adversarial = -self.discriminator(pred).mean()
            loss = loss + self.spec.options["adversarial"] * adversarial
            scalars["adversarial"] = adversarial.item()
        self.reconstruction = pred.detach()
        return loss, scalars

    def _discriminator_loss(self, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        if step < self.adversarial_from or self.reconstruction is None:
            return None, {}
        return hinge_loss(self.call["discriminator"], batch["hq"], self.reconstruction)

    def _latents(self, truth: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.main.encode_raw(truth).float().movedim(1, -1).reshape(-1, self.main.code_channels)

    def _start_codebook(self, truth: torch.Tensor) -> None:
        """K-means centres of the batch's latents, and of each shift of it by less than a latent's
        width: one batch alone has too few.
        """
        shifts = range(0, self.main.compression, max(1, self.main.compression // 8))
        shifted = [truth.roll((dy, dx), (-2, -1)) for dy in shifts for dx in shifts]
        latents = torch.cat([self._latents(image) for image in shifted]).cpu().numpy().astype(np.float64)
        rng = np.random.default_rng(derive_seed(self.spec.steps, "codebook"))
        most = LATENTS_A_CODE * self.main.config["codes"]
        latents = latents if len(latents) <= most else rng.choice(latents, most, replace=False)
        centres, _ = kmeans2(latents, self.main.config["codes"], iter=10, minit="points", rng=rng, missing="warn")
        self._place(torch.arange(len(centres)), torch.from_numpy(centres).float())

    def before_step(self, batch: Batch, step: int) -> None:
        if step == self.quantise_from and not self.start_from:
            self._start_codebook(batch["hq"])

    def after_step(self, batch: Batch, step: int) -> None:
        """Update the codes' use; every `revive_every` steps move unused codes onto latents of this
        batch.
        """
        every = self.spec.options["revive_every"]
        if step < self.quantise_from or step % max(1, every // 10):
            return
        latents = _broadcast(self._latents(batch["hq"][:8]))  # all devices count on the first one's faces, so that they agree
        use = self.main.vq.quantize.get_buffer("use")
        counts = torch.bincount(torch.cdist(latents, self.main.codebook.weight.data).argmin(1), minlength=len(use))
        use.mul_(0.9).add_(0.1 * counts)
        dead = (use < 0.02).nonzero().flatten()
        if step % every == 0 and step < self.revive_until and len(dead):
            generator = torch.Generator().manual_seed(derive_seed(step, "revive"))
            chosen = latents[torch.randperm(len(latents), generator=generator)[: len(dead)].to(latents.device)]
            self._place(dead[: len(chosen)], chosen)
            use[dead] = 1.0

    def _place(self, codes: torch.Tensor, latents: torch.Tensor) -> None:
        """Put codes onto latents, in the weights and in their average, the same on every device."""
        weight = self.main.codebook.weight
        for values in (weight.data, self.shadow(weight)):
            values[codes] = _broadcast(latents.to(values.device))

    def finish(self, batches: list[Batch]) -> None:
        """Measure the latents' mean and standard deviation a channel, by which E scales them."""
        width = self.main.config["latent_channels"]
        latents = torch.cat([self._latents(batch["hq"]).reshape(-1, width) for batch in batches])
        self.main.latent_mean.copy_(latents.mean(0))
        self.main.latent_std.copy_(latents.std(0))

    def sheet(self, batch: Batch) -> torch.Tensor:
        return torch.stack([batch["hq"], self.main(batch["hq"])[0].clamp(0, 1)], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 2

    def save(self, folder: Path) -> None:
        del self.main.vq.quantize.use  # a matter of training
        super().save(folder)


def _broadcast(tensor: torch.Tensor) -> torch.Tensor:
    """The first process's tensor, on every process."""
    return cast(torch.Tensor, accelerate_broadcast(tensor))
