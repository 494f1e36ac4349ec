"""CLR-Face's first estimate of a degraded face: the condition and the start of the refinement.

Notation: y the degraded face; z_y = E(y); x_I = IRN(y) the first estimate; z_I = E(x_I). Training
and restoring share this.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from clrface.models.autoencoder import Autoencoder
from clrface.models.unet import RestorationUNet


@dataclass(frozen=True)
class Estimate:
    """z_y and z_I, (B, C, h, w) float32 of about unit variance; y and x_I, (B, 3, H, W) float32 in
    [0, 1], as the autoencoder sees them.
    """

    z_y: torch.Tensor
    z_irn: torch.Tensor
    y: torch.Tensor
    x_irn: torch.Tensor
    chroma: torch.Tensor
    """(B, 3, H, W) in [-1, 1], added to the decoded image: the IRN's colours where the autoencoder
    models luminance alone, else 0.
    """

    @property
    def condition(self) -> torch.Tensor:
        """Return the prior's condition, (B, 2C, h, w)."""
        return torch.cat([self.z_y, self.z_irn], 1)


def estimate(autoencoder: Autoencoder, irn: RestorationUNet, y: torch.Tensor) -> Estimate:
    """Estimate faces y, (B, 3, H, W) RGB in [0, 1], without gradients, in single precision.

    H and W are multiples of the autoencoder's compression, and of what the IRN takes
    (`RestorationUNet`).
    """
    with torch.no_grad():
        x_irn = irn.tinted(irn(y).float(), y).clamp(0, 1)
        y, seen = autoencoder.seen(y), autoencoder.seen(x_irn)
        z_y, z_irn = (autoencoder.encode(image).float() for image in (y, seen))
    return Estimate(z_y, z_irn, y, seen, x_irn - seen)


Decode = Callable[[torch.Tensor], torch.Tensor]
"""Map latents (B, C, h, w) to the autoencoder's image, (B, 3, H, W), about [0, 1], unclipped."""


def decoding(autoencoder: Autoencoder, known: Estimate, residual: float) -> Decode:
    """Return z -> G(z) + residual * (x_I - G(z_I)), which adds back what the autoencoder loses of
    x_I.

    So the refinement changes x_I, and doesn't copy it through the autoencoder's bottleneck: with
    residual 1, z_I gives x_I itself. This is our addition, not known to be the paper's
    (docs/explanation/method.md).

    Args:
        residual: in [0, 1]; 0 gives plain decoding, G.
    """
    if not residual:
        return autoencoder.decode
    with torch.no_grad():
        lost = residual * (known.x_irn - autoencoder.decode(known.z_irn))
    return lambda z: autoencoder.decode(z) + lost
