"""VQFR's "Deg.": the angle between the embeddings of the restored face and the truth, by the small ArcFace network."""

from pathlib import Path

import cv2
import numpy as np
import torch

from clrface.api import DROPPED, Score
from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import states
from clrface.metrics.networks.arcface_r18 import SIDE_PX, ArcFaceR18, angles
from clrface.metrics.source import source_file

CARD = {
    "id": "deg_arcface_r18",
    "label": "Deg.",
    "direction": "lower",
    "unit": "degrees",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "source": "github.com/TencentARC/VQFR, calculate_cos_dist.py, with resnet18_110.pth; pairs under 1 degree are dropped from the mean",
    "sources": ("arcface_r18_110",),
}

LEAST_DEGREES = 1.0


class Metric(ImageScores):
    """In degrees, 0 to 180. A pair under 1 degree has the status `dropped: ...` for a value: neither in the mean nor failed."""

    def __init__(self, sources: Path):
        super().__init__()
        self._network = ArcFaceR18(source_file(sources, "arcface_r18_110/resnet18_110.pth"))

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) pairs to degrees."""
        with torch.inference_mode():
            a, b = (self._network(prepared(images).to(states.device())) for images in (pred, ref))
            return [_kept(degrees) for degrees in angles(a, b).rad2deg().tolist()]


def prepared(images: np.ndarray) -> torch.Tensor:
    """(B, 3, H, W) RGB in [0, 1] to (B, 1, 128, 128) grey in [-1, 1]: the whole image, 8 bits before and after a bilinear resize."""
    small = (
        cv2.resize(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR) for one in to_bytes(images)
    )
    return (torch.from_numpy(np.stack(list(small))[:, None].astype(np.float32)) - 127.5) / 127.5


def _kept(degrees: float) -> float | Score:
    if degrees >= LEAST_DEGREES:
        return degrees
    return Score(np.nan, f"{DROPPED}: {degrees:.3f} degrees from the truth, and VQFR leaves pairs under {LEAST_DEGREES:g} out of its mean")
