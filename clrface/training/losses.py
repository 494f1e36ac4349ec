"""Losses that several stages share. Their networks (VGG-16, SFace) are none that the tables rank by
(AlexNet's ST-LPIPS, dlib, EfficientNet-Lite0).
"""

from pathlib import Path

import torch
from torch.nn import functional

from clrface.intact import source_file
from clrface.metrics.networks.stlpips import StLpips
from clrface.models.recogniser import SFace


class Perceptual:
    """Shift-tolerant LPIPS on VGG-16 (Ghildyal and Liu 2022), of the first `share` of a batch, in
    [0, 1]; at least one image.

    Raises: UserError for weights that are missing or damaged.
    """

    def __init__(self, sources: Path, device: torch.device, share: float):
        self.network = StLpips("vgg", source_file(sources, "stlpips/vgg_shift_tolerant.pth")).to(device)
        self.share = share

    def __call__(self, pred: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Return the mean distance, a scalar of at least 0, of (B, 3, H, W) images in [0, 1], H and
        W at least 32.
        """
        count = max(1, round(self.share * len(pred)))
        return self.network(pred[:count], truth[:count]).mean()


class Identity:
    """1 - cos of SFace's embeddings, of the last `share` of a batch, in [0, 1]; at least one image.

    Raises: UserError for an unknown `template`, and weights that are missing or damaged.
    """

    def __init__(self, sources: Path, device: torch.device, share: float, template: str):
        self.network = SFace(sources, template).to(device)
        self.share = share

    def __call__(self, pred: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Return the mean of 1 - cos, in [0, 2], of (B, 3, H, W) aligned faces in [0, 1]."""
        count = max(1, round(self.share * len(pred)))
        with torch.no_grad():
            target = self.network(truth[-count:])
        return (1 - functional.cosine_similarity(self.network(pred[-count:]), target)).mean()
