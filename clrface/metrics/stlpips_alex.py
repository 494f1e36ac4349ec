"""Shift-tolerant LPIPS on AlexNet."""

from pathlib import Path

import numpy as np
import torch

from clrface.api import Score
from clrface.metrics.collect import ImageScores
from clrface.metrics.networks.stlpips import StLpips
from clrface.metrics.source import source_file

CARD = {
    "id": "stlpips_alex",
    "label": "ST-LPIPS",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "Ghildyal and Liu, Shift-tolerant Perceptual Similarity Metric, ECCV 2022; AlexNet weights of stlpips_pytorch 0.0.2",
    "sources": ("stlpips",),
}

LEAST_SIDE_PX = 32


class Metric(ImageScores):
    """Perceptual distance at the images' own size; 0 for equal images."""

    def __init__(self, sources: Path):
        super().__init__()
        self._network = StLpips("alex", source_file(sources, "stlpips/alex_shift_tolerant.pth"))

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) pairs to distances; a side under 32 px fails."""
        if min(pred.shape[2:]) < LEAST_SIDE_PX:
            return [Score(np.nan, f"too small: the network needs {LEAST_SIDE_PX} pixels a side")] * len(pred)
        a, b = (torch.from_numpy(np.ascontiguousarray(images)) for images in (pred, ref))  # one layout: equal images, equal rounding
        with torch.inference_mode():
            return self._network(a, b).tolist()
