"""Structural similarity, in the field's variants.

Wang et al., IEEE Transactions on Image Processing 2004.
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from clrface.api import Score
from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores
from clrface.metrics.correction import corrected

SHARED = {
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "class_name": "Ssim",
    "lowest": -1,
    "highest": 1,
}
CARDS = (
    {
        "id": "ssim",
        "label": "SSIM",
        "definition": (
            "Gaussian window of 11 px, sigma 1.5, population moments, range 255, valid region only; mean over pixels, then over R, G and B."
        ),
        "citation": "Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP 2004; scikit-image",
        "perfect": 1,
    },
    {
        "id": "ssim_corrected",
        "label": "SSIM (corrected)",
        "definition": (
            "SSIM (11 px, sigma 1.5, range 255, valid region, RGB) after the same correction of mean and standard "
            "deviation as psnr_corrected."
        ),
        "citation": "github.com/TencentARC/VQFR, metric_paper/calculate_psnr_ssim.py, where correct_mean_var can't be switched off",
        "params": {"correct": True},
    },
    {
        "id": "ssim_cut",
        "label": "SSIM",
        "definition": "SSIM in which a negative contrast-structure term counts as 0.",
        "citation": "pyiqa 0.1.16, ssimc",
        "params": {"cut": True},
        "perfect": 1,
        "lowest": 0,
    },
    {
        "id": "ssim_full_count",
        "label": "SSIM (full count)",
        "definition": "SSIM of each image; the sum is divided by the number of all images, so that a failed image counts as 0.",
        "citation": ("github.com/wzhouxiff/RestoreFormer, scripts/metrics/cal_psnr_ssim.py"),
        "failed_as": 0.0,
        "perfect": 1,
    },
)

WINDOW_PX = 11
SIGMA_PX = 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""Constants that keep the fractions finite, for images in units of 8 bits."""


class Ssim(ImageScores):
    """SSIM in [-1, 1], mean over pixels and R, G, B; equal images give 1.

    Gaussian window of 11 px, sigma 1.5, population moments, range 255, only where the whole window
    fits.

    Args:
        correct: set each channel's mean and deviation to the ground truth's first.
        cut: set negative contrast-structure terms to 0, as pyiqa does. The result is never below
            the plain value, and equals it where no term is negative.
    """

    def __init__(self, sources: Path, correct: bool = False, cut: bool = False):
        super().__init__()
        self._correct = correct
        self._similarity = cut_similarity if cut else similarity

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the SSIM of each (B, 3, H, W) pair; a side under 11 px fails."""
        if min(pred.shape[2:]) < WINDOW_PX:
            return [Score(np.nan, f"too small: SSIM's window needs {WINDOW_PX} pixels a side")] * len(pred)
        pairs = zip(to_bytes(pred), to_bytes(ref), strict=True)
        return [self._similarity(*corrected(a, b)) if self._correct else self._similarity(a, b) for a, b in pairs]


def similarity(pred: np.ndarray, ref: np.ndarray) -> float:
    """Return the SSIM of two (H, W, 3) images in units of 8 bits."""
    value = structural_similarity(
        pred,
        ref,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=SIGMA_PX,
        use_sample_covariance=False,
    )
    return float(np.asarray(value))


def cut_similarity(pred: np.ndarray, ref: np.ndarray) -> float:
    """Return the SSIM of two (H, W, 3) images in units of 8 bits, with negative structure terms set
    to 0.
    """
    pred, ref = pred.astype(float), ref.astype(float)
    mean_p, mean_r = _windowed(pred), _windowed(ref)
    squares = mean_p**2 + mean_r**2
    variances = _windowed(pred**2) + _windowed(ref**2) - squares
    covariance = _windowed(pred * ref) - mean_p * mean_r
    structure = np.maximum((2 * covariance + C2) / (variances + C2), 0)
    return float(((2 * mean_p * mean_r + C1) / (squares + C1) * structure).mean())


def _windowed(image: np.ndarray) -> np.ndarray:
    """Return the Gaussian means of (H, W, 3), where the whole window fits."""
    radius = WINDOW_PX // 2
    return gaussian_filter(image, SIGMA_PX, radius=radius, axes=(0, 1))[radius:-radius, radius:-radius]
