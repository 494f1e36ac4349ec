"""Frechet inception distance from the ground truth, after clean-fid's resize: pyiqa's `fid`."""

from pathlib import Path

from clrface.metrics.networks import inception_clean
from clrface.metrics.sets import PairedSets, frechet_distance

CARD = {
    "id": "fid_clean_gt",
    "label": "FID (clean, GT)",
    "direction": "lower",
    "unit": "",
    "level": "set",
    "needs_reference": True,
    "decimals": 2,
    "source": "Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, CVPR 2022; pyiqa's fid of two folders",
    "sources": ("inception",),
    "cached": True,
}


class Metric(PairedSets):
    """0 for equal sets. Biased upward for few images. Another scale than `fid_gt`."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(inception_clean.features(sources, cache), frechet_distance)
