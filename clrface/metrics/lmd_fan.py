"""VQFR's landmark distance: WFLW's 98 points by an adaptive-wing-loss FAN."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import awing_fan

CARD = {
    "id": "lmd_fan",
    "label": "LMD",
    "direction": "lower",
    "unit": "px",
    "level": "image",
    "needs_reference": True,
    "decimals": 3,
    "source": "github.com/TencentARC/VQFR, metric_paper/calculate_landmark_distance.py, with alignment_WFLW_4HG.pth: 98 points of WFLW",
    "sources": ("awing_fan",),
}


class Metric(ImageScores):
    """In pixels of the images, not divided by the distance of the eyes; equal images give 0. At 512 px a heatmap's cell is 8 px."""

    def __init__(self, sources: Path):
        super().__init__()
        self._network = awing_fan.load(sources)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to the mean Euclidean distance over the 98 points."""
        sides_px = np.array([pred.shape[3], pred.shape[2]])
        a, b = (awing_fan.landmarks(self._network, images) * sides_px for images in (pred, ref))
        return np.linalg.norm(a - b, axis=2).mean(1).tolist()
