"""Conditional diffusion in pixel space, from a one-step estimate, trained here at the embedded
size.

The family of SR3, DR2 and DifFace; clrface.models.pixel_diffusion has the notation.
"""

from pathlib import Path
from typing import Literal

import torch
from diffusers import UNet2DModel

from clrface.errors import UserError
from clrface.models.colour import keep_grey
from clrface.models.loading import load_network, move
from clrface.models.pixel_diffusion import PixelSampler
from clrface.schedule import pixel_steps_problem

CARD = {
    "name": "pixel_diffusion",
    "label": "Pixel diffusion",
    "stochastic": True,
    "paper": "Saharia et al., TPAMI 2022 (SR3); Yue and Loy, TPAMI 2024 (DifFace)",
    "licence": "Apache-2.0",
    "trained_here": True,
    "params": {"start": "estimate", "total_steps": 250, "steps": 100, "eta": 0.5},
    "accepts": {
        "start": {
            "description": "From noise through all of the schedule (SR3), or from a one-step estimate (DifFace).",
            "enum": ["noise", "estimate"],
        },
        "total_steps": {
            "description": "Steps of the whole schedule, a divisor of 1,000.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
        },
        "steps": {"description": "Of them, those that are run from the estimate.", "type": "integer", "minimum": 1, "maximum": 1000},
        "eta": {"description": "DDIM's noise: 0 for none, 1 for DDPM's.", "type": "number", "minimum": 0, "maximum": 1},
    },
}


class Restorer:
    """`start: noise` runs `total_steps`; `start: estimate` the last `steps` of them.

    Args:
        total_steps: a divisor of 1,000.
        steps: at most `total_steps`.
        eta: DDIM's noise in [0, 1].

    Raises: UserError for an unknown start, and steps that the schedule doesn't allow.
    """

    def __init__(self, start: Literal["noise", "estimate"], total_steps: int, steps: int, eta: float):
        if start not in ("noise", "estimate"):
            raise UserError(f"pixel_diffusion.start: found '{start}', expected noise or estimate.")
        if problem := pixel_steps_problem(total_steps, steps):
            raise UserError(f"pixel_diffusion: {problem}")
        self.start: Literal["noise", "estimate"] = start
        self.total_steps, self.steps, self.eta = total_steps, steps, eta

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        network = move(load_network(UNet2DModel, weights / "pixel_diffusion"), device)
        self.sampler = PixelSampler(network, self.start, self.total_steps, self.steps, self.eta)

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        lq = lq.to(self.device)
        return keep_grey(self.sampler.restore(lq, seeds), lq).cpu()
