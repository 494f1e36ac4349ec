"""CLR-Face (Suin and Chellappa, arXiv 2402.06106): latent refinement steered by identity. The method itself is in clrface/restore."""

from pathlib import Path
from typing import Any

import torch

from clrface.restore.pipeline import CLRFace, Settings

CARD = {
    "name": "clrface",
    "label": "CLR-Face",
    "stochastic": True,
    "paper": "Suin and Chellappa, arXiv 2402.06106",
    "licence": "Apache-2.0",
    "trained_here": True,
    "params": {
        "start": "irn",
        "t0": 0.1,
        "solver": "ddim",
        "steps": 8,
        "guidance": "recognition",
        "guidance_scale": 1.0,
        "guidance_every": 4,
        "target": "head",
        "mask": "learned",
        "residual": 0.7,
        "latents": "f4",
    },
    "sources": ("sface",),
}


class Restorer:
    """The pipeline with the config's settings."""

    def __init__(self, **params: Any):
        self.settings = Settings(**params)

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.pipeline = CLRFace.from_pretrained(weights, self.settings.latents).to(device)
        self.recogniser = self.pipeline.make_recogniser(sources).to(device) if self.settings.guidance == "recognition" else None

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return self.pipeline.restore(lq.to(self.device), seeds, self.settings, self.recogniser).cpu()
