"""Guidance: how identity steers the refinement (CLR-Face's second part).

Notation: m the mask in (0, 1); phi the recogniser; x0_hat = G(z0_hat); x_I the IRN's output and z_I = E(x_I).
`recognition`:      g = grad of d = 1 - cos(phi(x0_hat), phi(x_I)) by z0_hat, and shift = scale * d * m * g / rms(g).
`recognition_free`: shift = scale * m * (z0_hat - z_I), which needs no recogniser.

Assumption: g is divided by its root mean square and multiplied by d, so that the scale means the same for every
face and the push ends where the target is reached (a Polyak step). No gradient goes through the prior's network.
"""

import torch
from torch.nn import functional

from clrface.models.recogniser import SFace
from clrface.restore.estimate import Decode


class RecognitionGuide:
    """Towards the identity of `target` faces, (B, 3, H, W) in [0, 1], as the recogniser sees it."""

    def __init__(self, decode: Decode, recogniser: SFace, target: torch.Tensor, mask: torch.Tensor, scale: float):
        self.decode, self.recogniser, self.mask, self.scale = decode, recogniser, mask, scale
        with torch.no_grad():
            self.target = recogniser(target)

    def direction(self, z0_hat: torch.Tensor) -> torch.Tensor:
        """d * g / rms(g), (B, C, h, w): the unmasked shift at scale 1."""
        with torch.enable_grad():
            z = z0_hat.detach().requires_grad_(True)
            image = self.decode(z).clamp(0, 1)
            distance = 1 - functional.cosine_similarity(self.recogniser(image), self.target)
            (gradient,) = torch.autograd.grad(distance.sum(), z)
        rms = gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
        return distance.detach()[:, None, None, None] * gradient / rms

    def __call__(self, z0_hat: torch.Tensor) -> torch.Tensor:
        return self.scale * self.mask * self.direction(z0_hat)


class RecognitionFreeGuide:
    """Towards the IRN's latent itself, where the mask lets it through."""

    def __init__(self, z_irn: torch.Tensor, mask: torch.Tensor, scale: float):
        self.z_irn, self.mask, self.scale = z_irn, mask, scale

    def __call__(self, z0_hat: torch.Tensor) -> torch.Tensor:
        return self.scale * self.mask * (z0_hat - self.z_irn)
