"""SSIM after VQFR's correction of mean and deviation."""

import numpy as np

from clrface.metrics import ssim
from clrface.metrics.psnr_corrected import corrected

CARD = {
    "id": "ssim_corrected",
    "label": "SSIM (corrected)",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "github.com/TencentARC/VQFR, metric_paper/calculate_psnr_ssim.py, where correct_mean_var can't be switched off",
}


def similarity(pred: np.ndarray, ref: np.ndarray) -> float:
    """Of two (H, W, 3) uint8 images, the first one corrected."""
    return ssim.similarity(*corrected(pred, ref))


class Metric(ssim.Metric):
    """`ssim` of the corrected image: see psnr_corrected."""

    similarity = staticmethod(similarity)
