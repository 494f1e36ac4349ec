"""The IRN's identity head: the clean face's identity features, recovered from the degraded one.

Notation: phi the recogniser, frozen; x the clean face, y the degraded one, x_I the IRN's image of
it. phi(x_I) and phi(y) both estimate phi(x), with a bias, since phi learned from clean faces. So
its layers are adapted to each, by a scale and a shift for every channel after every convolution
(feature-wise modulation, FiLM, Perez et al. 2018). A linear layer W joins the two: with a_I and a_y
the adapted features of x_I and y, the head returns a_I + W [a_I; a_y] at unit length. This form is
our choice (docs/explanation/method.md).
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

    It maps the features of convolution `layer` (from 0), (B, C, h, w), to the same shape.

    Args:
        channels: how many each convolution gives, `SFace.channels`.
    """

    def __init__(self, channels: list[int]):
        super().__init__()
        self.scales = nn.ParameterList(torch.ones(count) for count in channels)
        self.shifts = nn.ParameterList(torch.zeros(count) for count in channels)

    def forward(self, features: torch.Tensor, layer: int) -> torch.Tensor:
        return features * self.scales[layer][:, None, None] + self.shifts[layer][:, None, None]


class IdentityHead(ModelMixin, ConfigMixin):
    """Predict phi(x). Initially it returns phi(x_I).

    Args:
        channels: how many each of the recogniser's convolutions gives, `SFace.channels`.
        template: the alignment of the faces that it was trained on, a key of the recogniser's
            TEMPLATES. Restoration cuts the recogniser's chip by it.
    """

    @register_to_config
    def __init__(self, channels: list[int], template: str = "utkface"):
        super().__init__()
        self.of_irn, self.of_degraded = Adapter(channels), Adapter(channels)
        self.join = nn.Linear(2 * FEATURES, FEATURES, bias=False)
        nn.init.zeros_(self.join.weight)

    def forward(self, recogniser: SFace, x_irn: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Map x_I and y, (B, 3, H, W) in [0, 1] as the autoencoder sees them, to unit vectors
        (B, 128) float32.
        """
        of_irn = recogniser(x_irn, self.of_irn)
        both = torch.cat([of_irn, recogniser(y, self.of_degraded)], 1)
        return functional.normalize(of_irn + self.join(both).float(), dim=1)
