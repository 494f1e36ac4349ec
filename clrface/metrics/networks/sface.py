"""SFace's embeddings, as the identity metrics read them.

The network trains CLR-Face's IRN and guides it, so `ids_sface` is a diagnostic and ranks no method.
Faces must be aligned to this project's template: of others, its chip would be another part.
"""

from pathlib import Path

import numpy as np
import torch

from clrface.metrics.networks.memory import Features
from clrface.models.recogniser import SFace


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the embedding from `sources`: unit vectors (B, 128). Never cached."""
    network = SFace(sources)

    def embed(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    return embed
