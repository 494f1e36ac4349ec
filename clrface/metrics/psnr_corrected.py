"""PSNR after VQFR's correction of mean and deviation."""

from pathlib import Path

import numpy as np

from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores

CARD = {
    "id": "psnr_corrected",
    "label": "PSNR (corrected)",
    "direction": "higher",
    "unit": "dB",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "source": "github.com/TencentARC/VQFR, metric_paper/calculate_psnr_ssim.py, where correct_mean_var can't be switched off",
}


class Metric(ImageScores):
    """20 log10(255 / sqrt(MSE)) of the corrected image, in dB; inf for equal images only as far as rounding lets it."""

    def __init__(self, sources: Path):
        super().__init__()

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to decibels."""
        return [_psnr(*corrected(a, b)) for a, b in zip(to_bytes(pred), to_bytes(ref), strict=True)]


def corrected(pred: np.ndarray, ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two (H, W, 3) uint8 images to float64 in units of 8 bits, the first with each channel's mean and deviation set to the second's.

    The mean is set, then the deviation, which moves the mean again; so VQFR does both twice, and the second turn puts the mean right.
    In single precision as there, neither clipped nor rounded. NaN for
    a channel of one value, which has no deviation to set.
    """
    image, truth = (one.astype(np.float32) / np.float32(255) for one in (pred, ref))
    for channel in range(3):
        plane, wanted = image[..., channel], truth[..., channel]
        for _ in range(2):
            plane = plane - plane.mean() + wanted.mean()
            with np.errstate(divide="ignore", invalid="ignore"):
                plane = plane / plane.std() * wanted.std()
        image[..., channel] = plane
    return (image * 255).astype(np.float64), (truth * 255).astype(np.float64)


def _psnr(pred: np.ndarray, ref: np.ndarray) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(255**2 / ((pred - ref) ** 2).mean()))
