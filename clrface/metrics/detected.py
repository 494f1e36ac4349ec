"""Identity by insightface's own pipeline: each face is detected, aligned and recognised."""

from pathlib import Path
from types import ModuleType

import numpy as np

from clrface.api import Score
from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores

CARDS = (
    {
        "id": "ids_insightface",
        "label": "IDS (detected)",
        "direction": "higher",
        "unit": "",
        "level": "image",
        "needs_reference": True,
        "decimals": 4,
        "definition": (
            "Cosine of insightface's w600k_r50 embeddings of the restored image and the ground truth, each "
            "detected (det_10g at 640 px, threshold 0.5, the largest and most central face) and aligned by its "
            "own five points."
        ),
        "citation": "insightface 2.1, buffalo_l: det_10g at 640 px, its alignment, w600k_r50; the field has no one definition of IDS",
        "assets": ("buffalo_l", "buffalo_l_detector"),
        "class_name": "DetectedCosine",
        "network": "insightface_faces",
        "perfect": 1,
        "lowest": -1,
        "highest": 1,
    },
)


class DetectedCosine(ImageScores):
    """Cosine in [-1, 1]; equal images give 1. An image without a detected face has no value; its
    status says which image it was.

    Args:
        network: a module of clrface.metrics.networks with `embedder`.
    """

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._embed = network.embedder(sources)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the cosine of each (B, 3, H, W) pair."""
        return [self._cosine(*pair) for pair in zip(to_bytes(pred), to_bytes(ref), strict=True)]

    def _cosine(self, pred: np.ndarray, ref: np.ndarray) -> float | Score:
        ours, truth = self._embed(pred), self._embed(ref)
        if ours is None or truth is None:
            return Score(np.nan, f"no face found by insightface in the {'restored image' if ours is None else 'ground truth'}")
        return float(1 - ((ours - truth) ** 2).sum() / 2)
