"""Frechet inception distance between the restored set and its own ground truth."""

from pathlib import Path

from clrface.metrics.networks import inception
from clrface.metrics.sets import PairedSets, frechet_distance

CARD = {
    "id": "fid_gt",
    "label": "FID (GT)",
    "direction": "lower",
    "unit": "",
    "level": "set",
    "needs_reference": True,
    "decimals": 2,
    "source": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017: pytorch-fid's Inception; DifFace's reference",
    "sources": ("inception",),
    "cached": True,
}


class Metric(PairedSets):
    """0 for equal sets. Biased upward for few images. Another number than `fid_ffhq512`, and far below it."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(inception.features(sources, cache), frechet_distance)
