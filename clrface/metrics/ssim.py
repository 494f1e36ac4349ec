"""Structural similarity (Wang et al., IEEE Transactions on Image Processing 2004)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from clrface.api import Score
from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores

CARD = {
    "id": "ssim",
    "label": "SSIM",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP 2004; scikit-image",
}

WINDOW_PX = 11


def similarity(pred: np.ndarray, ref: np.ndarray) -> float:
    """Of two (H, W, 3) images in units of 8 bits."""
    value = structural_similarity(
        pred,
        ref,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(np.asarray(value))


class Metric(ImageScores):
    """Mean over pixels and R, G, B; Gaussian window of 11 px, sigma 1.5, population moments, range 255, where the window fits whole.

    In (-1, 1]; equal images give 1.
    """

    similarity: Callable[[np.ndarray, np.ndarray], float] = staticmethod(similarity)
    """Of two (H, W, 3) uint8 images, each side of 11 px or more."""

    def __init__(self, sources: Path):
        super().__init__()

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) pairs to SSIM; a side under 11 px fails."""
        if min(pred.shape[2:]) < WINDOW_PX:
            return [Score(np.nan, f"too small: SSIM's window needs {WINDOW_PX} pixels a side")] * len(pred)
        return [self.similarity(a, b) for a, b in zip(to_bytes(pred), to_bytes(ref), strict=True)]
