"""Identity distance: the Euclidean distance of dlib's embeddings."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import dlib_recogniser

CARD = {
    "id": "idd_dlib",
    "label": "IDD",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "dlib_face_recognition_resnet_model_v1 (King, github.com/davisking/dlib-models), with the distance it was trained for",
    "sources": ("dlib",),
    "cached": True,
    "template": "utkface",
}


class Metric(ImageScores):
    """0 for equal images. dlib takes two photographs under 0.6 for one person."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__()
        self._embed = dlib_recogniser.embedder(sources, cache)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to distances."""
        a, b = (self._embed(images) for images in (pred, ref))
        return np.linalg.norm(a - b, axis=1).tolist()
