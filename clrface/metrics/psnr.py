"""Peak signal-to-noise ratio."""

from pathlib import Path

import numpy as np

from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores

CARD = {
    "id": "psnr",
    "label": "PSNR",
    "direction": "higher",
    "unit": "dB",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "source": "RGB, 8 bit, no crop, no colour correction, as VQFR's script (github.com/TencentARC/VQFR) without its mean-variance step",
}


class Metric(ImageScores):
    """20 log10(255 / sqrt(MSE)), MSE over all pixels and channels of the 8-bit RGB images; equal images give inf."""

    def __init__(self, sources: Path):
        super().__init__()

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to decibels."""
        squares = (to_bytes(pred).astype(np.int32) - to_bytes(ref)) ** 2
        with np.errstate(divide="ignore"):
            return (10 * np.log10(255**2 / squares.mean((1, 2, 3)))).tolist()
