"""CLR-Face's learnable latent mask m = M_psi(z_y, z_I) in (0, 1): how much of the recogniser's
gradient acts at each latent position, from none (0) to all (1).
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn


class LatentMask(ModelMixin, ConfigMixin):
    """A small convolutional network on the degraded latent and the IRN's latent; one value a latent
    position.

    Assumption (the paper gives no parametrisation): a function of the image rather than one mask
    for all, since faces are aligned but their parts are not in one place.
    docs/explanation/method.md.

    Args:
        latent_channels: C of either latent.
        width: channels of the hidden layers.
        initial: the mask's value before training, in (0, 1).
    """

    @register_to_config
    def __init__(self, latent_channels: int = 3, width: int = 32, initial: float = 0.5):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2 * latent_channels, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.SiLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, float(torch.logit(torch.tensor(initial))))

    def forward(self, z_y: torch.Tensor, z_irn: torch.Tensor) -> torch.Tensor:
        """Map z_y and z_I, (B, C, h, w) each in unit variance, to m, (B, 1, h, w) in (0, 1)."""
        return torch.sigmoid(self.layers(torch.cat([z_y, z_irn], 1)))
