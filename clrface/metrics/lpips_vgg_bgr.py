"""LPIPS on VGG-16 fed BGR, as RestoreFormer's script does, which never turns round what OpenCV reads."""

from clrface.metrics.networks.lpips_net import LpipsScores

CARD = {
    "id": "lpips_vgg_bgr",
    "label": "LPIPS (BGR)",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "github.com/wzhouxiff/RestoreFormer, cal_psnr_ssim.py: its norm_lpips, in [-1, 1]; a failed image counts as 0",
    "sources": (
        "lpips",
        "vgg16",
    ),
    "failed_as": 0.0,
}


class Metric(LpipsScores):
    """0 for equal images. VGG's means and deviations meet the wrong channels, so it is no `lpips_vgg`, save on grey pictures."""

    net = "vgg"
    bgr = True
