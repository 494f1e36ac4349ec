"""The patch discriminator of the adversarial losses (Isola et al. 2017), small, with spectral
normalisation (Miyato et al. 2018) of all convolutions but the last.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Map (B, 3, H, W) in [0, 1] to one logit a patch, (B, 1, H // 8, W // 8): higher for real."""

    def __init__(self, width: int = 48):
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(2 * x - 1)
