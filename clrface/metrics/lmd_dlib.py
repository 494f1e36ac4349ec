"""Landmark distance: how far dlib's 68 landmarks of the restored face lie from the ground truth's."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import dlib_landmarks

CARD = {
    "id": "lmd_dlib",
    "label": "LMD",
    "direction": "lower",
    "unit": "px",
    "level": "image",
    "needs_reference": True,
    "decimals": 3,
    "source": "Mean distance in pixels as VQFR's LMD (github.com/TencentARC/VQFR), with dlib's shape_predictor_68_face_landmarks",
    "sources": ("dlib",),
    "template": "utkface",
}


class Metric(ImageScores):
    """In pixels of the benchmark's resolution, not divided by the distance of the eyes; equal images give 0."""

    def __init__(self, sources: Path):
        super().__init__()
        self._predictor = dlib_landmarks.load(sources)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to the mean Euclidean distance over the 68 points."""
        sides_px = np.array([pred.shape[3], pred.shape[2]])
        a, b = (dlib_landmarks.landmarks(self._predictor, images) * sides_px for images in (pred, ref))
        return np.linalg.norm(a - b, axis=2).mean(1).tolist()
