"""PSNR whose mean is over all images, also those that have no output: RestoreFormer's."""

from clrface.metrics import psnr

CARD = {
    "id": "psnr_full_count",
    "label": "PSNR (full count)",
    "direction": "higher",
    "unit": "dB",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "source": "github.com/wzhouxiff/RestoreFormer, scripts/metrics/cal_psnr_ssim.py: RGB, no crop, uncorrected; a failed image counts as 0",
    "failed_as": 0.0,
}


class Metric(psnr.Metric):
    """As `psnr` image by image; the mean divides by the number of all images."""
