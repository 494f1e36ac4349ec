"""Kernel distance between the restored set and the ground truth, in EfficientNet-Lite0's features."""

from pathlib import Path

import numpy as np

from clrface.metrics.networks.effnet_features import features
from clrface.metrics.sets import Grams, PairedSets, kernel_distance

CARD = {
    "id": "kd_effnet",
    "label": "KD",
    "direction": "lower",
    "unit": "x 1000",
    "level": "set",
    "needs_reference": True,
    "decimals": 2,
    "source": "Binkowski et al., Demystifying MMD GANs, ICLR 2018, with EfficientNet-Lite0 for Inception; paired estimator of Gretton 2012",
    "sources": ("effnet",),
    "cached": True,
}


class Metric(PairedSets):
    """Unbiased, times 1000; 0 for equal sets, and chance may take it below 0."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(features(sources, cache), _thousandfold)


def _thousandfold(grams: Grams, counts: np.ndarray) -> float:
    return 1000 * kernel_distance(grams, counts)
