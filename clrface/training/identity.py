"""Stage `identity`: the IRN's identity head.

L = 1 - cos(head(x_I, y), phi(x)), recogniser and IRN frozen.
"""

from pathlib import Path

import torch
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network, move
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet
from clrface.restoration.estimate import estimate
from clrface.training.data import Batch
from clrface.training.stage import Scalars, Stage, StageSpec


class IdentityStage(Stage):
    """No options. Needs stages `autoencoder` and `irn`. The logged `cosine` is that of head and
    phi(x).

    In single precision: the adapters' changes are small, and on a CPU it is faster here.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / "autoencoder"), device)
        self.irn = move(load_network(RestorationUNet, models / "irn"), device)
        self.recogniser = SFace(sources, spec.template).to(device)
        self.main: IdentityHead = IdentityHead(self.recogniser.channels, spec.template)

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        with torch.no_grad():
            target = self.recogniser(self.autoencoder.seen(batch["hq"]))
        with torch.autocast(target.device.type, enabled=False):
            predicted = self.call["main"](self.recogniser, known.x_irn, known.y)
        cosine = functional.cosine_similarity(predicted, target).mean()
        return 1 - cosine, {"cosine": cosine.item()}

    def sheet(self, batch: Batch) -> torch.Tensor:
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        return torch.stack([batch["lq"], known.x_irn, batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 3
