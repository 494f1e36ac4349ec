"""CLR-Face's parts, one by one: how good each could be, and is.

These are controls: most of them see the ground truth. `part` is one of

- `autoencoder`: G(E(x)), the ground truth through the autoencoder: the bound of all that follows;
- `irn`: x_I, the Identity Recovery Network's output, which starts and steers the refinement;
- `irn_autoencoded`: G(E(x_I)), the start of the refinement, without its noise, as an image;
- `truth_guided`: CLR-Face guided by the ground truth's identity instead of the recovered one.
"""

from pathlib import Path
from typing import Any

import torch

from clrface.errors import UserError, unknown_name
from clrface.models.colour import keep_grey
from clrface.restoration.estimate import estimate
from clrface.restoration.pipeline import CLRFace, Settings

CARD = {
    "name": "clrface_parts",
    "label": "CLR-Face's part",
    "part_of": "clrface",
    "stochastic": True,
    "control": True,
    "sees_truth": True,
    "licence": "Apache-2.0",
    "trained_here": True,
    "params": {"part": "truth_guided"},
    "accepts": {"part": {"description": "Which part's output.", "enum": ["autoencoder", "irn", "irn_autoencoded", "truth_guided"]}},
    "assets": ("sface",),
}
PARTS = ("autoencoder", "irn", "irn_autoencoded", "truth_guided")


class Restorer:
    """One part's output.

    Args:
        part: one of PARTS.
        params: the fields of clrface.restoration.pipeline.Settings.

    Raises: UserError for an unknown part, and for `truth_guided` without guidance by the
    recogniser.
    """

    def __init__(self, part: str, **params: Any):
        if part not in PARTS:
            raise unknown_name("part of CLR-Face", part, PARTS)
        self.part, self.settings = part, Settings(**params)
        if part == "truth_guided" and self.settings.guidance != "recognition":
            raise UserError(
                f"Part truth_guided is guided by the recogniser, but found guidance: {self.settings.guidance}. "
                "Give the variant `guidance: recognition`."
            )

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.pipeline = CLRFace.from_pretrained(weights, self.settings.latents).to(device)
        self.recogniser = self.pipeline.make_recogniser(sources).to(device)

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int], truth: torch.Tensor) -> torch.Tensor:
        lq, truth, pipeline = lq.to(self.device), truth.to(self.device), self.pipeline
        if self.part == "truth_guided":
            return pipeline.restore(lq, seeds, self.settings, self.recogniser, target=truth).cpu()
        known = estimate(pipeline.autoencoder, pipeline.irn, lq)
        if self.part == "irn":
            return (known.x_irn + known.chroma).clamp(0, 1).cpu()
        if self.part == "irn_autoencoded":
            return pipeline.irn.tinted(pipeline.autoencoder.decode(known.z_irn) + known.chroma, lq).clamp(0, 1).cpu()
        seen = pipeline.autoencoder.seen(truth)
        return keep_grey(pipeline.autoencoder.decode(pipeline.autoencoder.encode(seen)) + truth - seen, truth).clamp(0, 1).cpu()
