"""One-step regression: a U-Net trained with L1 alone.

The best PSNR and blurred faces: one end of the perception-distortion trade-off (Blau and Michaeli,
CVPR 2018).
"""

from clrface.restoration.one_step import OneStep

CARD = {
    "name": "unet",
    "label": "U-Net (L1)",
    "stochastic": False,
    "paper": "Ronneberger et al., MICCAI 2015 (network)",
    "licence": "Apache-2.0",
    "trained_here": True,
}


class Restorer(OneStep):
    """x = y + U(y)."""

    stage = "unet"
