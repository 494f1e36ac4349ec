"""Restore in one step with a trained U-Net: what the regression baselines share."""

from pathlib import Path

import torch

from clrface.models.loading import load_network, move
from clrface.models.unet import RestorationUNet


class OneStep:
    """x = y + U(y), clipped to [0, 1], grey where y is grey.

    The network lies in the sub-folder `stage` of the weights. Sides must be multiples of the
    network's (`RestorationUNet`).

    Raises: UserError, when it is loaded, for weights that are missing or damaged.
    """

    stage: str

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.network = move(load_network(RestorationUNet, weights / self.stage), device)

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        lq = lq.to(self.device)
        return self.network.tinted(self.network(lq), lq).clamp(0, 1).cpu()
