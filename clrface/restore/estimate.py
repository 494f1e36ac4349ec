"""What CLR-Face knows of a degraded face before it refines: the condition, and the start.

Notation: y the degraded face; z_y = E(y); x_I = IRN(y) the first estimate; z_I = E(x_I). Training and restoring share this.
"""

from dataclasses import dataclass

import torch

from clrface.models.autoencoder import Autoencoder
from clrface.models.colour import keep_grey
from clrface.models.unet import RestorationUNet


@dataclass(frozen=True)
class Estimate:
    """z_y and z_I, (B, C, h, w); x_I, (B, 3, H, W) in [0, 1], as the autoencoder sees it; and the chroma that it doesn't see."""

    z_y: torch.Tensor
    z_irn: torch.Tensor
    x_irn: torch.Tensor
    chroma: torch.Tensor
    """(B, 3, H, W): what is added to the decoded picture. The IRN's colours where the autoencoder knows luminance alone, else 0."""

    @property
    def condition(self) -> torch.Tensor:
        """(B, 2C, h, w): what the prior is told of the face."""
        return torch.cat([self.z_y, self.z_irn], 1)


def estimate(autoencoder: Autoencoder, irn: RestorationUNet, y: torch.Tensor) -> Estimate:
    """Make the first estimate of faces, (B, 3, H, W) in [0, 1]; no gradients, single precision out."""
    with torch.no_grad():
        x_irn = keep_grey(irn(y).float(), y).clamp(0, 1)
        seen = autoencoder.seen(x_irn)
        z_y, z_irn = (autoencoder.encode(image).float() for image in (autoencoder.seen(y), seen))
    return Estimate(z_y, z_irn, seen, x_irn - seen)
