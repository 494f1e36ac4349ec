"""Control: the ground truth itself. If its scores aren't perfect, the table is wrong."""

from pathlib import Path

import torch

CARD = {"name": "ground_truth", "label": "Ground truth", "stochastic": False, "control": True, "sees_truth": True}


class Restorer:
    """Return the ground truth."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Nothing to load."""

    def restore(self, lq: torch.Tensor, seeds: list[int], truth: torch.Tensor) -> torch.Tensor:
        return truth
