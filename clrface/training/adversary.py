"""The discriminator's side of the adversarial loss (hinge), which the autoencoder's two stages
share.
"""

import torch
from torch import nn
from torch.nn import functional

from clrface.training.stage import Scalars


def hinge_loss(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, Scalars]:
    """Its loss on two batches (B, 3, H, W) in [0, 1], and the scalar to log."""
    loss = (functional.relu(1 - discriminator(real)).mean() + functional.relu(1 + discriminator(fake)).mean()) / 2
    return loss, {"discriminator": loss.item()}
