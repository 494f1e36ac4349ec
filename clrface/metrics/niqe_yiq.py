"""NIQE as pyiqa's `niqe`: the authors' parameters, but the luminance of YIQ, in [0, 255], where MATLAB's lies in [16, 235]."""

from pathlib import Path

import numpy as np

from clrface.metrics import niqe_official

CARD = {
    "id": "niqe_yiq",
    "label": "NIQE (YIQ)",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": False,
    "decimals": 3,
    "source": "pyiqa 0.1.16, niqe: Mittal et al., IEEE SPL 2013, with their parameters, on the Y of YIQ",
    "sources": ("niqe_official",),
}

WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def yiq_luminance(image: np.ndarray) -> np.ndarray:
    """Y of YIQ, whole numbers of [0, 255], (H, W) float64, of (3, H, W) RGB in [0, 1]: weighted in single precision, which settles ties."""
    return (np.tensordot(WEIGHTS, image.astype(np.float32), axes=1) * np.float32(255)).round().astype(np.float64)


class Metric(niqe_official.Metric):
    """As `niqe_official`, on another luminance: another number.

    The window is pyiqa's, rounded to single precision while the picture is in double: a flat region then differs from its local mean by a
    hair, always on one side, and so counts among the values on that side.
    """

    luminance = staticmethod(yiq_luminance)

    def __init__(self, sources: Path):
        super().__init__(sources)
        self._pristine = self._pristine._replace(window=gaussian_window())


def gaussian_window() -> np.ndarray:
    """(7, 7) Gaussian of sigma 7/6, sum 1, as single precision holds it."""
    squares = np.arange(-3, 4) ** 2
    window = np.exp(-(squares[:, None] + squares) / (2 * (7 / 6) ** 2))
    return (window / window.sum()).astype(np.float32).astype(np.float64)
