"""Identity similarity: the cosine of dlib's embeddings."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import dlib_recogniser

CARD = {
    "id": "ids_dlib",
    "label": "IDS",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "dlib_face_recognition_resnet_model_v1 (King, github.com/davisking/dlib-models); the field has no one definition of IDS",
    "sources": ("dlib",),
    "cached": True,
    "template": "utkface",
}


class Metric(ImageScores):
    """In [-1, 1]; equal images give exactly 1. Different people's ORL photographs lie near 0.86: read it beside `idd_dlib`."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__()
        self._embed = dlib_recogniser.embedder(sources, cache)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to cosines, reckoned from the unit vectors' distance so that equal ones give 1 without rounding."""
        a, b = (_unit(self._embed(images)) for images in (pred, ref))
        return (1 - ((a - b) ** 2).sum(1) / 2).tolist()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
