"""Frechet distance of the restored set from clean faces of another set, in EfficientNet-Lite0's features."""

from pathlib import Path

from clrface.metrics.networks.effnet_features import features
from clrface.metrics.sets import UnpairedSets, unpaired_frechet_distance

CARD = {
    "id": "fd_effnet_clean",
    "label": "FD to clean",
    "direction": "lower",
    "unit": "",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, with EfficientNet-Lite0 for Inception",
    "sources": ("effnet",),
    "against": "clean",
    "cached": True,
}


class Metric(UnpairedSets):
    """Holds, beside realism, how the two sets differ in people and cameras: compare rows, not with 0. Biased upward for few images."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(features(sources, cache), unpaired_frechet_distance)
