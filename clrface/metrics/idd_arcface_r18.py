"""RestoreFormer's "IDD": the angle between the embeddings in radians, grey weights meant for RGB on BGR."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import states
from clrface.metrics.networks.arcface_r18 import SIDE_PX, ArcFaceR18, angles
from clrface.metrics.source import source_file

CARD = {
    "id": "idd_arcface_r18",
    "label": "IDD",
    "direction": "lower",
    "unit": "rad",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "github.com/wzhouxiff/RestoreFormer, cal_identity_distance.py, with arcface_resnet18.pth; a failed image counts as 0",
    "sources": ("arcface_r18",),
    "failed_as": 0.0,
}

BGR_WEIGHTS = (0.2989, 0.5870, 0.1140)
"""Of blue, green and red: red's weight falls on blue and blue's on red."""


class Metric(ImageScores):
    """In radians, 0 to pi; equal images give 0. The mean divides by the number of all images: one without output lowers it."""

    def __init__(self, sources: Path):
        super().__init__()
        self._network = ArcFaceR18(source_file(sources, "arcface_r18/arcface_resnet18.pth"))

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to radians."""
        with torch.inference_mode():
            a, b = (self._network(prepared(torch.from_numpy(np.ascontiguousarray(one))).to(states.device())) for one in (pred, ref))
            return angles(a, b).tolist()


def prepared(images: Tensor) -> Tensor:
    """(B, 3, H, W) RGB in [0, 1] to (B, 1, 128, 128) "grey" in [0, 1], not in [-1, 1]: bilinear, no anti-aliasing. Differentiable."""
    weights = torch.tensor(BGR_WEIGHTS[::-1], dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    grey = (weights * images).sum(1, keepdim=True)
    return functional.interpolate(grey, (SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
