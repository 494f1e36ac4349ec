"""The IRN's identity head: the clean face's identity features, recovered from the degraded one.

Notation: phi the recogniser, frozen; x the clean face, y the degraded one, x_I the IRN's image of
it. phi(x_I) and phi(y) both estimate phi(x), with a bias, since phi learned from clean faces. So
its layers are adapted to each, by a scale and a shift for every channel after every convolution
(feature-wise modulation, Perez et al. 2018). A linear layer joins the two.
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn
from torch.nn import functional

from clrface.models.recogniser import FEATURES, SFace


class Adapter(nn.Module):
    """A scale and a shift for each channel after each of the recogniser's convolutions; initially
    the identity.
    """

    def __init__(self, channels: list[int]):
        super().__init__()
        self.scales = nn.ParameterList(torch.ones(count) for count in channels)
        self.shifts = nn.ParameterList(torch.zeros(count) for count in channels)

    def forward(self, features: torch.Tensor, layer: int) -> torch.Tensor:
        return features * self.scales[layer][:, None, None] + self.shifts[layer][:, None, None]


class IdentityHead(ModelMixin, ConfigMixin):
    """Predict phi(x). `channels`: the recogniser's, `SFace.channels`. Initially it returns
    phi(x_I).

    `template`: the alignment of the faces that it was trained on, a key of the recogniser's
    TEMPLATES. Restoration cuts the recogniser's chip by it.
    """

    @register_to_config
    def __init__(self, channels: list[int], template: str = "utkface"):
        super().__init__()
        self.of_irn, self.of_degraded = Adapter(channels), Adapter(channels)
        self.join = nn.Linear(2 * FEATURES, FEATURES, bias=False)
        nn.init.zeros_(self.join.weight)

    def forward(self, recogniser: SFace, x_irn: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Map two (B, 3, H, W) in [0, 1], as the autoencoder sees them, to unit vectors (B, 128)."""
        of_irn = recogniser(x_irn, self.of_irn)
        both = torch.cat([of_irn, recogniser(y, self.of_degraded)], 1)
        return functional.normalize(of_irn + self.join(both).float(), dim=1)
