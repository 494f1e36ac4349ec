"""Identity similarity under SFace, the recogniser that trains CLR-Face's IRN and guides its refinement: a diagnosis, never a judgement."""

from pathlib import Path

import numpy as np
import torch

from clrface.metrics.collect import ImageScores
from clrface.models.recogniser import SFace

CARD = {
    "id": "ids_sface",
    "label": "IDS (guide's)",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "SFace (Zhong et al. 2021): what the guidance climbs. A method guided by it is not judged by it",
    "sources": ("sface",),
    "diagnostic": True,
}


class Metric(ImageScores):
    """In [-1, 1]; equal images give exactly 1. For faces aligned to this project's template: of others, the chip would be another part."""

    def __init__(self, sources: Path):
        super().__init__()
        self._recogniser = SFace(sources)

    @torch.no_grad()
    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to cosines, reckoned from the unit vectors' distance so that equal ones give 1 without rounding."""
        a, b = (self._recogniser(torch.from_numpy(images)) for images in (pred, ref))
        return (1 - (a - b).square().sum(1) / 2).tolist()
