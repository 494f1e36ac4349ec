"""The same U-Net with a perceptual loss beside L1: sharper, a harder rival.

It starts from `unet`'s weights, as CLR-Face's IRN does.
"""

from clrface.restoration.one_step import OneStep

CARD = {
    "name": "unet_perceptual",
    "label": "U-Net (perceptual)",
    "stochastic": False,
    "paper": "Johnson et al., ECCV 2016 (loss)",
    "licence": "Apache-2.0",
    "trained_here": True,
}


class Restorer(OneStep):
    """x = y + U(y)."""

    stage = "unet_perceptual"
