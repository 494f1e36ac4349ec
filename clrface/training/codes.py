"""Stage `codebook`: code prediction (CodeFormer, Zhou et al., NeurIPS 2022, stage II).

L = code * cross-entropy(logits, s) + feature * mean (z_y - z_q)^2, with s the clean face's codes
and z_q their vectors; codebook and decoder are those of stage `codebook_vq`, frozen. The logged
`hit` is the share of codes predicted right, in [0, 1].
"""

from pathlib import Path

import torch
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.code_predictor import CodePredictor
from clrface.models.loading import load_network, move
from clrface.training.data import Batch
from clrface.training.stage import Scalars, Stage, StageSpec


class CodesStage(Stage):
    """Options: the losses' weights `code` and `feature`. Needs stage `codebook_vq`."""

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / "codebook_vq"), device)
        shape = {key: value for key, value in dict(self.autoencoder.config).items() if not key.startswith("_")}
        self.main: CodePredictor = CodePredictor(autoencoder=shape, **spec.network)
        self.main.start_from(self.autoencoder)

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        with torch.no_grad(), torch.autocast(batch["hq"].device.type, enabled=False):
            z_q, codes = self.autoencoder.codes(batch["hq"])
        logits, z_y = self.call["main"](batch["lq"])
        code = functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())
        feature = functional.mse_loss(z_y.float(), z_q)
        loss = self.spec.options["code"] * code + self.spec.options["feature"] * feature
        hit = (logits.argmax(-1) == codes).float().mean()
        return loss, {"code": code.item(), "feature": feature.item(), "hit": hit.item()}

    def sheet(self, batch: Batch) -> torch.Tensor:
        restored = self.autoencoder.decode_codes(self.main(batch["lq"])[0].argmax(-1)).clamp(0, 1)
        ceiling = self.autoencoder(batch["hq"])[0].clamp(0, 1)
        return torch.stack([batch["lq"], restored, ceiling, batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 4
