"""The discriminator's side of the adversarial loss (hinge, Lim and Ye 2017), which all adversarial
stages share. The network's side is -D(fake).
"""

import torch
from torch import nn
from torch.nn import functional

from clrface.training.stage import Scalars


def hinge_loss(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, Scalars]:
    """Return (relu(1 - D(real)) + relu(1 + D(fake))) / 2, a scalar, and the scalar to log.

    Args:
        real, fake: (B, 3, H, W) in [0, 1]; `fake` without gradients.
    """
    loss = (functional.relu(1 - discriminator(real)).mean() + functional.relu(1 + discriminator(fake)).mean()) / 2
    return loss, {"discriminator": loss.item()}
