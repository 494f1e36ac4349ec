"""Identification: whose clean photograph is nearest, by dlib's embeddings."""

import numpy as np

from clrface.metrics.recognition import Comparison, rank_one_rate

CARD = {
    "id": "rank1_dlib",
    "label": "Rank-1",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Phillips et al., The FERET evaluation methodology, PAMI 2000; dlib's embeddings",
    "sources": ("dlib",),
    "against": "gallery",
    "cached": True,
}


class Metric:
    """In percent, over galleries of one photograph a person; one over the number of people is guessing."""

    def __init__(self, comparison: Comparison):
        self._comparison = comparison

    def result(self, people: np.ndarray) -> float:
        """Percent of the probes."""
        return 100 * rank_one_rate(self._comparison, people)
