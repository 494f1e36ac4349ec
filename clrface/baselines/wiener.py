"""Wiener deconvolution, by scikit-image, of one assumed Gaussian blur. Not trained.

Wiener 1949.
"""

import numpy as np
from skimage.restoration import wiener

from clrface.degradation.apply import gaussian_kernel
from clrface.restoration.classical import ClassicalRestorer

CARD = {
    "name": "wiener",
    "label": "Wiener filter",
    "stochastic": False,
    "paper": "Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949",
    "licence": "Apache-2.0",
    "params": {"sigma_px": 1.0, "balance": 0.05},
}
MARGIN_PX = 8
"""Mirrored around the image, since the deconvolution takes it for periodic."""


class Restorer(ClassicalRestorer):
    """Wiener deconvolution of each channel.

    Args:
        sigma_px: the assumed blur's standard deviation, in pixels.
        balance: scikit-image's regularisation, above 0: higher is smoother, lower is sharper and
            amplifies noise.
    """

    def __init__(self, sigma_px: float, balance: float):
        self.sigma_px, self.balance = sigma_px, balance

    def filter(self, image: np.ndarray) -> np.ndarray:
        length_px = 2 * int(np.ceil(3 * self.sigma_px)) + 1
        kernel = gaussian_kernel(length_px, self.sigma_px, self.sigma_px, 0.0)
        padded = np.pad(image, ((MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX), (0, 0)), mode="reflect")
        channels = [np.asarray(wiener(padded[..., channel], kernel, self.balance, clip=False)) for channel in range(3)]
        return np.stack(channels, -1)[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
