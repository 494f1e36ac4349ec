"""Stages `unet`, `unet_perceptual`, `unet_gan` and `irn`: one-step restoration. They differ in
their losses and in their start.

`unet` is the L1 regression baseline, `unet_perceptual` the same with a perceptual loss, `unet_gan`
with an adversarial one too. `irn` is CLR-Face's Identity Recovery Network: it adds (1 - cos) of
SFace's embeddings, so that its output is an identity target and not only a sharp image. Each but
`unet` starts from another's weights. Trained from scratch, in about as many steps, the IRN was
worse than `unet` on every measure (docs/training-log.md, first session).
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from clrface.models.discriminator import PatchDiscriminator
from clrface.models.loading import start_from
from clrface.models.unet import RestorationUNet
from clrface.stages import METHOD_OF, network_folder
from clrface.training.adversary import hinge_loss
from clrface.training.data import Batch
from clrface.training.losses import Identity, Perceptual
from clrface.training.stage import Scalars, Stage, StageSpec


class RestorationStage(Stage):
    """Options: weights `perceptual`, `identity` and `adversarial` (0: left out); `perceptual_share`
    and `identity_share`, of a batch; `start_from`, a stage or a folder of weights.

    Raises: UserError for a start without weights, or of another config.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.main: RestorationUNet = RestorationUNet(**spec.network)
        options = spec.options
        if options.get("start_from"):
            start = options["start_from"]
            before = network_folder(models, start, beside=spec.name) if start in METHOD_OF else Path(start)
            start_from(self.main, before, spec.name, apart_from=["colours_grey"])  # which of two uses it is trained for, no layer
        self.perceptual = Perceptual(sources, device, options["perceptual_share"]) if options.get("perceptual") else None
        self.identity = Identity(sources, device, options["identity_share"], spec.template) if options.get("identity") else None
        self.discriminator = PatchDiscriminator() if options.get("adversarial") else None
        self.restored: torch.Tensor | None = None

    def networks(self) -> dict[str, nn.Module]:
        return super().networks() | ({"discriminator": self.discriminator} if self.discriminator else {})

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        truth = batch["hq"]
        if turn == "discriminator":
            assert self.restored is not None  # the network's own turn comes first
            return hinge_loss(self.call["discriminator"], truth, self.restored)
        pred = self.call["main"](batch["lq"])
        loss = functional.l1_loss(pred, truth)
        scalars = {"l1": loss.item()}
        if self.perceptual:
            perceptual = self.perceptual(pred, truth)
            scalars["perceptual"] = perceptual.item()
            loss = loss + self.spec.options["perceptual"] * perceptual
        if self.identity:
            identity = self.identity(pred, truth)
            scalars["identity"] = identity.item()
            loss = loss + self.spec.options["identity"] * identity
        if self.discriminator:
            adversarial = -self.discriminator(pred).mean()
            scalars["adversarial"] = adversarial.item()
            loss = loss + self.spec.options["adversarial"] * adversarial
            self.restored = pred.detach()
        return loss, scalars

    def sheet(self, batch: Batch) -> torch.Tensor:
        return torch.stack([batch["lq"], self.main(batch["lq"]).clamp(0, 1), batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 3
