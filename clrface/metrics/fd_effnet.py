"""Frechet distance between the restored set and the ground truth, in EfficientNet-Lite0's features."""

from pathlib import Path

from clrface.metrics.networks.effnet_features import features
from clrface.metrics.sets import PairedSets, frechet_distance

CARD = {
    "id": "fd_effnet",
    "label": "FD",
    "direction": "lower",
    "unit": "",
    "level": "set",
    "needs_reference": True,
    "decimals": 2,
    "source": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, with EfficientNet-Lite0 for Inception",
    "sources": ("effnet",),
    "cached": True,
}


class Metric(PairedSets):
    """0 for equal sets. Biased upward for few images, by about the same for every method on one set."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(features(sources, cache), frechet_distance)
