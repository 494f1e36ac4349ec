"""Accuracy of verification at a threshold chosen on other people, by dlib's embeddings."""

import numpy as np

from clrface.metrics.recognition import Comparison, balanced_accuracy, cross_validated, people_folds

CARD = {
    "id": "accuracy_dlib",
    "label": "Accuracy",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; dlib's embeddings",
    "sources": ("dlib",),
    "against": "gallery",
    "cached": True,
}


class Metric:
    """In percent; 50 is guessing. The bootstrap keeps the folds' thresholds: those are part of the judge."""

    def __init__(self, comparison: Comparison):
        self._pairs = comparison.pairs()
        test, train = people_folds(self._pairs, comparison.n_people)
        right = cross_validated(self._pairs.similarity, self._pairs.genuine, test, train)
        judged = ~np.isnan(right)
        self._right = np.where(judged.any(0), np.where(judged, right, 0).sum(0), np.nan)  # a pair lies in one fold at most

    def result(self, people: np.ndarray) -> float:
        """Percent, over the pairs whose two people are in one fold."""
        return 100 * balanced_accuracy(self._right, self._pairs.genuine, self._pairs.weights(people))
