"""PSNR with a small number under the fraction, as PMRF's script and pyiqa have it."""

from pathlib import Path

import numpy as np

from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores

CARD = {
    "id": "psnr_eps",
    "label": "PSNR",
    "direction": "higher",
    "unit": "dB",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "source": "BasicSR's calculate_psnr_pt (PMRF's evaluation) and pyiqa's psnr: RGB, 8 bit, no crop, no colour correction, MSE + 1e-8",
}

EPSILON = 1e-8
"""Added to the MSE of images in [0, 1]."""


class Metric(ImageScores):
    """-10 log10(MSE + 1e-8), images in [0, 1]: 80 dB for equal images, and `psnr` to 0.0005 dB below 40 dB."""

    def __init__(self, sources: Path):
        super().__init__()

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to decibels."""
        squares = (to_bytes(pred).astype(np.int32) - to_bytes(ref)) ** 2
        return (-10 * np.log10(squares.mean((1, 2, 3)) / 255**2 + EPSILON)).tolist()
