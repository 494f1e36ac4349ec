"""Peak signal-to-noise ratio, in the field's variants."""

from pathlib import Path

import cv2
import numpy as np

from clrface.images import to_bytes, to_levels
from clrface.metrics.collect import ImageScores
from clrface.metrics.correction import corrected

SHARED = {
    "direction": "higher",
    "unit": "dB",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "class_name": "Psnr",
    "lowest": 0,
}
CARDS = (
    {
        "id": "psnr",
        "label": "PSNR",
        "definition": (
            "20 log10(255 / sqrt(MSE)) in dB over all pixels and channels, RGB, 8 bit, no crop, no colour "
            "correction. Infinite for equal images."
        ),
        "citation": "github.com/TencentARC/VQFR, metric_paper/calculate_psnr_ssim.py, without its correct_mean_var",
        "perfect": 1e999,
    },
    {
        "id": "psnr_corrected",
        "label": "PSNR (corrected)",
        "definition": (
            "PSNR after each channel's mean and standard deviation are set to the ground truth's, applied twice, "
            "in single precision, without clipping or rounding."
        ),
        "citation": "github.com/TencentARC/VQFR, metric_paper/calculate_psnr_ssim.py, where correct_mean_var can't be switched off",
        "params": {"correct": True},
        "lowest": None,
    },
    {
        "id": "psnr_eps",
        "label": "PSNR",
        "definition": "-10 log10(MSE + 1e-8) in dB, images in [0, 1], RGB, no crop, no colour correction. 80 dB for equal images.",
        "citation": "BasicSR's calculate_psnr_pt (PMRF's evaluation) and pyiqa's psnr",
        "params": {"epsilon": 1e-8},
        "perfect": 80,
        "highest": 80,
    },
    {
        "id": "psnr_full_count",
        "label": "PSNR (full count)",
        "definition": "PSNR of each image; the sum is divided by the number of all images, so that a failed image counts as 0.",
        "citation": ("github.com/wzhouxiff/RestoreFormer, scripts/metrics/cal_psnr_ssim.py"),
        "failed_as": 0.0,
        "perfect": 1e999,
    },
)


class Psnr(ImageScores):
    """20 log10(255 / sqrt(MSE)) in dB, over all pixels and channels of 8-bit RGB. Equal images give
    inf.

    Args:
        correct: set each channel's mean and deviation to the ground truth's first. Rounding may
            then keep equal images below inf.
        epsilon: added to the MSE of images in [0, 1]. 1e-8 gives 80 dB for equal images, and the
            plain value to 0.0005 dB below 40 dB.
    """

    def __init__(self, sources: Path, correct: bool = False, epsilon: float = 0.0):
        super().__init__()
        self._correct = correct
        self._epsilon = epsilon

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the PSNR of each (B, 3, H, W) pair, in dB."""
        errors = self._errors(pred, ref)
        if self._epsilon:
            return (-10 * np.log10(errors / 255**2 + self._epsilon)).tolist()
        with np.errstate(divide="ignore"):
            return (10 * np.log10(255**2 / errors)).tolist()

    def _errors(self, pred: np.ndarray, ref: np.ndarray) -> np.ndarray:
        """Return the MSE of each (B, 3, H, W) pair, in units of 8 bits."""
        if not self._correct:  # whole numbers, so OpenCV's sum is exact
            pairs = (_rows(*pair) for pair in zip(pred, ref, strict=True))
            return np.array([cv2.norm(to_levels(a), to_levels(b), cv2.NORM_L2SQR) / a.size for a, b in pairs])
        pairs = (corrected(a, b) for a, b in zip(to_bytes(pred), to_bytes(ref), strict=True))
        return np.array([((a - b) ** 2).mean() for a, b in pairs])


def _rows(pred: np.ndarray, ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a pair, (3, H, W) each, as rows of many values, in the same order; as they lie in
    memory, if possible.

    OpenCV is slow on rows of few values. Images from files lie in memory as (H, W, 3).
    """
    if pred.flags.c_contiguous and ref.flags.c_contiguous:
        return pred.reshape(-1, pred.shape[-1]), ref.reshape(-1, ref.shape[-1])
    height = pred.shape[1]
    return np.moveaxis(pred, 0, -1).reshape(height, -1), np.moveaxis(ref, 0, -1).reshape(height, -1)
