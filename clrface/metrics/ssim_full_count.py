"""SSIM whose mean is over all images, also those that have no output: RestoreFormer's."""

from clrface.metrics import ssim

CARD = {
    "id": "ssim_full_count",
    "label": "SSIM (full count)",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "github.com/wzhouxiff/RestoreFormer, scripts/metrics/cal_psnr_ssim.py: RGB, no crop, uncorrected; a failed image counts as 0",
    "failed_as": 0.0,
}


class Metric(ssim.Metric):
    """As `ssim` image by image; the mean divides by the number of all images."""
