"""Guidance: how identity steers the refinement (CLR-Face's second part).

Notation: m the mask in (0, 1); phi the recogniser; x0_hat the image of z0_hat (`decoding`); x_I the IRN's output and z_I = E(x_I);
phi_I the identity that the IRN recovers: its head's features (clrface.models.identity), or phi(x_I).
`recognition`:      g = grad of d = 1 - cos(phi(x0_hat), phi_I) by z0_hat, and shift = scale * m * d * g / |g|^2.
`recognition_free`: shift = scale * m * (z0_hat - z_I), which needs no recogniser.

Assumption: the step along g is Polyak's, d / |g|^2: were d linear, a scale of 1 would reach the target in one step. So the scale means
the same for every face and time, and the push fades as the target comes near. No gradient goes through the prior's network.
"""

import torch
from torch.nn import functional

from clrface.models.recogniser import SFace
from clrface.restoration.estimate import Decode

FLAT = 1e-6
"""A squared gradient far below any face's (about 1e-2): where the target is reached, nothing is pushed."""


class RecognitionGuide:
    """Towards `target`, identities (B, 128) as the recogniser sees them."""

    def __init__(self, decode: Decode, recogniser: SFace, target: torch.Tensor, mask: torch.Tensor, scale: float):
        self.decode, self.recogniser, self.target, self.mask, self.scale = decode, recogniser, target, mask, scale

    def direction(self, z0_hat: torch.Tensor) -> torch.Tensor:
        """d * g / |g|^2, (B, C, h, w): the unmasked shift at scale 1."""
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
    """Towards the IRN's latent itself, where the mask lets it through."""

    def __init__(self, z_irn: torch.Tensor, mask: torch.Tensor, scale: float):
        self.z_irn, self.mask, self.scale = z_irn, mask, scale

    def __call__(self, z0_hat: torch.Tensor) -> torch.Tensor:
        return self.scale * self.mask * (z0_hat - self.z_irn)
