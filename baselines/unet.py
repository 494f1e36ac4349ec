"""One-step regression: a U-Net trained with L1 alone. Best PSNR, blurred faces: the baseline of the perception-distortion trade."""

from pathlib import Path

import torch

from clrface.models.loading import load_network, move
from clrface.models.unet import RestorationUNet

CARD = {
    "name": "unet",
    "label": "U-Net (L1)",
    "stochastic": False,
    "paper": "Ronneberger et al., MICCAI 2015 (network)",
    "licence": "Apache-2.0",
    "trained_here": True,
}


class Restorer:
    """x = y + U(y)."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.network = move(load_network(RestorationUNet, weights / "unet"), device)

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return self.network(lq.to(self.device)).clamp(0, 1).cpu()
