"""Base of the training-free methods, which restore one image at a time as (H, W, 3)."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch


class ClassicalRestorer(ABC):
    """Run `filter` on each image, clip to [0, 1]: no weights, no randomness, always on the CPU."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Do nothing."""

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return torch.stack([self._restore_one(image) for image in lq])

    def _restore_one(self, image: torch.Tensor) -> torch.Tensor:
        rgb = np.moveaxis(image.numpy().astype(np.float64), 0, -1)
        filtered = np.moveaxis(np.clip(self.filter(rgb), 0, 1), -1, 0)
        return torch.from_numpy(np.ascontiguousarray(filtered, dtype=np.float32))

    @abstractmethod
    def filter(self, image: np.ndarray) -> np.ndarray:
        """Restore one image, (H, W, 3) float64 RGB in [0, 1], to the same shape, unclipped."""
