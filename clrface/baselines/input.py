"""Control: the degraded input itself, untouched. What a method must beat."""

from pathlib import Path

import torch

CARD = {"name": "input", "label": "Input", "stochastic": False, "control": True}


class Restorer:
    """Return the input."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Nothing to load."""

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return lq
