"""Guidance: how identity steers the refinement (CLR-Face's second part).

Notation: m the mask in (0, 1]; phi the recogniser; x0_hat the image of z0_hat (`decoding`);
x_I the IRN's output and z_I = E(x_I); phi_I the identity that the IRN recovers: its head's
features (clrface.models.identity), or phi(x_I).

    recognition:       g = grad of d = 1 - cos(phi(x0_hat), phi_I) by z0_hat,
                       and shift = scale * m * d * g / |g|^2
    recognition_free:  shift = scale * m * (z0_hat - z_I), without a recogniser

The sampler subtracts the shift from z0_hat.

Assumption: the step along g is Polyak's (1987), d / |g|^2. If d were linear, a scale of 1 would
reach the target in one step. So the scale means the same for every face and time, and the shift
vanishes near the target. No gradient goes through the prior's network. docs/explanation/method.md.
"""

import torch
from torch.nn import functional

from clrface.models.recogniser import SFace
from clrface.restoration.estimate import Decode

FLAT = 1e-6
"""A squared gradient far below any face's (about 1e-2): the target is reached, and nothing is
shifted.
"""


class RecognitionGuide:
    """Map z0_hat, (B, C, h, w), to its shift towards the identity `target`, of the same shape.

    Args:
        decode: see `clrface.restoration.estimate.decoding`.
        target: the recogniser's unit vectors, (B, 128).
        mask: (B, 1, h, w) in (0, 1].
        scale: of the step, at least 0; 0.0 is no guidance.
    """

    def __init__(self, decode: Decode, recogniser: SFace, target: torch.Tensor, mask: torch.Tensor, scale: float):
        self.decode, self.recogniser, self.target, self.mask, self.scale = decode, recogniser, target, mask, scale

    def direction(self, z0_hat: torch.Tensor) -> torch.Tensor:
        """Return the unmasked shift of z0_hat at scale 1, d * g / |g|^2: (B, C, h, w) as z0_hat."""
        with torch.enable_grad():
            z = z0_hat.detach().requires_grad_(True)
            image = self.decode(z).clamp(0, 1)
            distance = 1 - functional.cosine_similarity(self.recogniser(image), self.target)
            (gradient,) = torch.autograd.grad(distance.sum(), z)
        length_squared = gradient.square().sum((1, 2, 3), keepdim=True)
        return distance.detach()[:, None, None, None] * gradient / (length_squared + FLAT)

    def __call__(self, z0_hat: torch.Tensor) -> torch.Tensor:
        return self.scale * self.mask * self.direction(z0_hat)


class RecognitionFreeGuide:
    """Map z0_hat, (B, C, h, w), to its shift towards the IRN's latent, of the same shape.

    Args:
        z_irn: z_I, (B, C, h, w).
        mask: (B, 1, h, w) in (0, 1].
        scale: 0 changes nothing; 1, without a mask, replaces z0_hat by z_I.
    """

    def __init__(self, z_irn: torch.Tensor, mask: torch.Tensor, scale: float):
        self.z_irn, self.mask, self.scale = z_irn, mask, scale

    def __call__(self, z0_hat: torch.Tensor) -> torch.Tensor:
        return self.scale * self.mask * (z0_hat - self.z_irn)
