"""Stage `decoder`: train the autoencoder's decoder further, with an identity loss; encoder and
codebook are frozen.

The decoder's quality bounds all that follows, and identity is lost in it first. The latents don't
change, so the prior can be trained at the same time. L1 + perceptual + patch-GAN + (1 - cos) of
SFace's embeddings, always from quantised latents.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.discriminator import PatchDiscriminator
from clrface.models.loading import load_network
from clrface.training.adversary import hinge_loss
from clrface.training.data import Batch
from clrface.training.losses import Identity, Perceptual
from clrface.training.stage import Scalars, Stage, StageSpec


class DecoderStage(Stage):
    """Options: weights `perceptual`, `identity` and `adversarial`; `perceptual_share` and
    `identity_share`, of a batch; `adversarial_from`, a share of the steps.

    Needs stage `autoencoder`, and starts from its weights.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.main: Autoencoder = load_network(Autoencoder, models / "autoencoder").train()
        for part in (self.main.vq.decoder, self.main.vq.post_quant_conv):
            part.requires_grad_(True)
        self.discriminator = PatchDiscriminator()
        self.perceptual = Perceptual(sources, device, spec.options["perceptual_share"])
        self.identity = Identity(sources, device, spec.options["identity_share"], spec.template)
        self.adversarial_from = round(spec.options["adversarial_from"] * spec.steps)
        self.reconstruction: torch.Tensor | None = None

    def networks(self) -> dict[str, nn.Module]:
        return {"main": self.main, "discriminator": self.discriminator}

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        truth, options = batch["hq"], self.spec.options
        if turn == "discriminator":
            if step < self.adversarial_from or self.reconstruction is None:
                return None, {}
            return hinge_loss(self.call["discriminator"], truth, self.reconstruction)
        pred, _, _ = self.call["main"](truth)
        parts = {"l1": functional.l1_loss(pred, truth), "perceptual": self.perceptual(pred, truth), "identity": self.identity(pred, truth)}
        loss = parts["l1"] + options["perceptual"] * parts["perceptual"] + options["identity"] * parts["identity"]
        if step >= self.adversarial_from:
            parts["adversarial"] = -self.discriminator(pred).mean()
            loss = loss + options["adversarial"] * parts["adversarial"]
        self.reconstruction = pred.detach()
        return loss, {name: part.item() for name, part in parts.items()}

    def sheet(self, batch: Batch) -> torch.Tensor:
        return torch.stack([batch["hq"], self.main(batch["hq"])[0].clamp(0, 1)], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 2
