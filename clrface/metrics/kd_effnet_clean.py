"""Kernel distance of the restored set from clean faces of another set, in EfficientNet-Lite0's features."""

from pathlib import Path

import numpy as np

from clrface.metrics.networks.effnet_features import features
from clrface.metrics.sets import Grams, UnpairedSets, unpaired_kernel_distance

CARD = {
    "id": "kd_effnet_clean",
    "label": "KD to clean",
    "direction": "lower",
    "unit": "x 1000",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Binkowski et al., Demystifying MMD GANs, ICLR 2018, with EfficientNet-Lite0; unpaired estimator of Gretton 2012",
    "sources": ("effnet",),
    "against": "clean",
    "cached": True,
}


class Metric(UnpairedSets):
    """Unbiased, times 1000. Holds, beside realism, how the two sets differ in people and cameras: compare rows, not with 0."""

    def __init__(self, sources: Path, cache: Path | None = None):
        super().__init__(features(sources, cache), _thousandfold)


def _thousandfold(grams: Grams, counts: np.ndarray) -> float:
    return 1000 * unpaired_kernel_distance(grams, counts)
