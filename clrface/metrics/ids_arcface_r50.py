"""Identity similarity: the cosine of insightface's embeddings."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import arcface_r50

CARD = {
    "id": "ids_arcface_r50",
    "label": "IDS",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "insightface's w600k_r50 (buffalo_l) on a fixed 112x112 chip of FFHQ's template; the field has no one definition of IDS",
    "sources": ("buffalo_l",),
    "cached": True,
    "template": "ffhq",
}


class Metric(ImageScores):
    """In [-1, 1]; equal images give exactly 1."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__()
        self._embed = arcface_r50.embedder(sources, cache)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to cosines, reckoned from the unit vectors' distance so that equal ones give 1 without rounding."""
        a, b = (self._embed(images) for images in (pred, ref))
        return (1 - ((a - b) ** 2).sum(1) / 2).tolist()
