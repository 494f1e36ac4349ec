"""CLR-Face (Suin and Chellappa, arXiv 2402.06106): latent refinement steered by identity.

The method itself is in clrface/restoration.
"""

from pathlib import Path
from typing import Any

import torch

from clrface.restoration.pipeline import CLRFace, Settings

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
    "accepts": {
        "start": {
            "description": "What the reverse diffusion starts from: pure noise, or the IRN's noised latent.",
            "enum": ["noise", "irn"],
        },
        "t0": {
            "description": "Share of the noise schedule that is run, from the IRN's latent (start: irn).",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
        },
        "solver": {
            "description": "The sampler, one of diffusers' schedulers.",
            "enum": ["ddim", "dpm++", "unipc", "euler", "heun"],
        },
        "steps": {"description": "Steps of the solver.", "type": "integer", "minimum": 1, "maximum": 500},
        "guidance": {"description": "What steers the identity.", "enum": ["none", "recognition", "recognition_free"]},
        "guidance_scale": {"description": "Weight of the guidance's gradient.", "type": "number", "minimum": 0},
        "guidance_every": {"description": "Apply guidance every so many evaluations of the network.", "type": "integer", "minimum": 1},
        "target": {
            "description": "Whose identity guidance seeks: the one that the IRN's head predicts, or that of its image.",
            "enum": ["head", "irn"],
        },
        "mask": {
            "description": "Which latents guidance may move: those of the trained mask, all, or its values in random order.",
            "enum": ["learned", "ones", "random"],
        },
        "residual": {
            "description": "How much of what the autoencoder loses of the IRN's output is given back.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
        },
        "latents": {
            "description": "Whose autoencoder and prior: CLR-Face's own, or those of an ablation, which have no mask.",
            "enum": ["f4", "f4_short", "f8_short", "f16_short", "codes256_short"],
        },
    },
    "assets": ("sface",),
}


class Restorer:
    """The pipeline with the config's settings, the fields of clrface.restoration.pipeline.Settings.

    Sides must be multiples of `CLRFace.size_multiple`.
    """

    def __init__(self, **params: Any):
        self.settings = Settings(**params)

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.pipeline = CLRFace.from_pretrained(weights, self.settings.latents).to(device)
        self.recogniser = self.pipeline.make_recogniser(sources).to(device) if self.settings.guidance == "recognition" else None

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return self.pipeline.restore(lq.to(self.device), seeds, self.settings, self.recogniser).cpu()
