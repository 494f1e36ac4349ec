"""Random tensors from one seed an image, drawn on the CPU so that they don't depend on device and
batch.
"""

import torch

from clrface.seeds import derive_seed


def normal(seeds: list[int], shape: tuple[int, ...], purpose: str) -> torch.Tensor:
    """Return standard normal noise, (B, *shape) float32."""
    return torch.stack([torch.randn(shape, generator=_generator(seed, purpose)) for seed in seeds])


def uniform(seeds: list[int], purpose: str) -> torch.Tensor:
    """Return one number in [0, 1) a seed, (B,) float32."""
    return torch.stack([torch.rand((), generator=_generator(seed, purpose)) for seed in seeds])


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, purpose))
