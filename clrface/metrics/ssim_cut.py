"""SSIM whose structure term is cut off at 0: pyiqa's `ssimc`."""

import numpy as np
from scipy.ndimage import gaussian_filter

from clrface.metrics import ssim
from clrface.metrics.ssim import WINDOW_PX

CARD = {
    "id": "ssim_cut",
    "label": "SSIM",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "pyiqa 0.1.16, ssimc: RGB, 8 bit, range 255, Gaussian window of 11 px where it fits, negative structure terms set to 0",
}

SIGMA_PX = 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""What keeps the fractions finite, for images in units of 8 bits."""


def similarity(pred: np.ndarray, ref: np.ndarray) -> float:
    """Of two (H, W, 3) uint8 images."""
    pred, ref = pred.astype(float), ref.astype(float)
    mean_p, mean_r = _windowed(pred), _windowed(ref)
    squares = mean_p**2 + mean_r**2
    variances = _windowed(pred**2) + _windowed(ref**2) - squares
    covariance = _windowed(pred * ref) - mean_p * mean_r
    structure = np.maximum((2 * covariance + C2) / (variances + C2), 0)
    return float(((2 * mean_p * mean_r + C1) / (squares + C1) * structure).mean())


def _windowed(image: np.ndarray) -> np.ndarray:
    """Gaussian means of (H, W, 3), where the window fits whole."""
    radius = WINDOW_PX // 2
    return gaussian_filter(image, SIGMA_PX, radius=radius, axes=(0, 1))[radius:-radius, radius:-radius]


class Metric(ssim.Metric):
    """In (0, 1]; 1 for equal images. `ssim` wherever the images' structures nowhere contradict one another; never below it."""

    similarity = staticmethod(similarity)
