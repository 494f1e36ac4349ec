"""LPIPS on VGG-16, as the field reports it."""

from clrface.metrics.networks.lpips_net import LpipsScores

CARD = {
    "id": "lpips_vgg",
    "label": "LPIPS",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": 'lpips.LPIPS(net="vgg"), version 0.1 (Zhang et al., CVPR 2018), RGB, as VQFR and PMRF use it',
    "sources": (
        "lpips",
        "vgg16",
    ),
}


class Metric(LpipsScores):
    """0 for equal images, at the images' own size."""

    net = "vgg"
