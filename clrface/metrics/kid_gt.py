"""Kernel inception distance between the restored set and its own ground truth."""

from pathlib import Path

import numpy as np

from clrface.metrics.networks import inception
from clrface.metrics.sets import Grams, PairedSets, kernel_distance

CARD = {
    "id": "kid_gt",
    "label": "KID (GT)",
    "direction": "lower",
    "unit": "x 1000",
    "level": "set",
    "needs_reference": True,
    "decimals": 2,
    "source": "Binkowski et al., Demystifying MMD GANs, ICLR 2018: pytorch-fid's Inception; whole set, paired estimator of Gretton 2012",
    "sources": ("inception",),
    "cached": True,
}


class Metric(PairedSets):
    """Unbiased, times 1000; 0 for equal sets, and chance may take it below 0. torch-fidelity draws random subsets and pairs nothing."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(inception.features(sources, cache), _thousandfold)


def _thousandfold(grams: Grams, counts: np.ndarray) -> float:
    return 1000 * kernel_distance(grams, counts)
