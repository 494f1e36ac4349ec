"""LPIPS on AlexNet, pyiqa's `lpips`."""

from clrface.metrics.networks.lpips_net import LpipsScores

CARD = {
    "id": "lpips_alex",
    "label": "LPIPS (Alex)",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": 'lpips.LPIPS(net="alex"), version 0.1 (Zhang et al., CVPR 2018), RGB',
    "sources": (
        "lpips",
        "alexnet",
    ),
}


class Metric(LpipsScores):
    """0 for equal images, at the images' own size. Another scale than `lpips_vgg`."""

    net = "alex"
