"""One-step regression with perceptual and adversarial losses.

The CNN family without a generative prior.
"""

from clrface.restoration.one_step import OneStep

CARD = {
    "name": "unet_gan",
    "label": "U-Net (GAN)",
    "stochastic": False,
    "paper": "Ledig et al., CVPR 2017 (SRGAN's losses); Ronneberger et al., MICCAI 2015 (network)",
    "licence": "Apache-2.0",
    "trained_here": True,
}


class Restorer(OneStep):
    """x = y + U(y)."""

    stage = "unet_gan"
