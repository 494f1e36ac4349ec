"""SSIM after VQFR's correction of mean and deviation."""

from pathlib import Path

import numpy as np

from clrface.api import Score
from clrface.images import to_bytes
from clrface.metrics.collect import ImageScores
from clrface.metrics.psnr_corrected import corrected
from clrface.metrics.ssim import WINDOW_PX, similarity

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


class Metric(ImageScores):
    """`ssim` of the corrected image: see psnr_corrected."""

    def __init__(self, sources: Path):
        super().__init__()

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) pairs to SSIM; a side under 11 px fails."""
        if min(pred.shape[2:]) < WINDOW_PX:
            return [Score(np.nan, f"too small: SSIM's window needs {WINDOW_PX} pixels a side")] * len(pred)
        return [similarity(*corrected(a, b)) for a, b in zip(to_bytes(pred), to_bytes(ref), strict=True)]
