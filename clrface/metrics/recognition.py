"""Recognition of restored faces among clean photographs, in percent.

Rank-1, accuracy, true accept rates and equal error rate. These metrics are made from a comparison
of faces (clrface.metrics.verification), not from images. The card's network gives the embeddings.
"""

import numpy as np

from clrface.metrics.verification import (
    Comparison,
    Curve,
    Operating,
    balanced_accuracy,
    cross_validated,
    equal_error_rate,
    rank_one,
    tar_at,
)

SHARED = {
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "against": "gallery",
    "cached": True,
    "lowest": 0,
    "highest": 100,
}
CARDS = (
    {
        "id": "rank1_dlib",
        "label": "Rank-1",
        "direction": "higher",
        "definition": (
            "Share of probes whose nearest gallery image, by dlib's recogniser, shows the right person; one clean "
            "photograph a person, mean over the galleries."
        ),
        "citation": "Phillips et al., The FERET evaluation methodology, PAMI 2000; dlib's embeddings",
        "assets": ("dlib",),
        "template": "utkface",
        "class_name": "RankOne",
        "network": "dlib_recogniser",
        "perfect": 100,
    },
    {
        "id": "rank1_arcface_r50",
        "label": "Rank-1",
        "direction": "higher",
        "definition": (
            "Share of probes whose nearest gallery image, by insightface's w600k_r50, shows the right person; one "
            "clean photograph a person, mean over the galleries."
        ),
        "citation": "Phillips et al., The FERET evaluation methodology, PAMI 2000; insightface's w600k_r50",
        "assets": ("buffalo_l",),
        "template": "ffhq",
        "class_name": "RankOne",
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "accuracy_dlib",
        "label": "Accuracy",
        "direction": "higher",
        "definition": (
            "Verification accuracy by dlib's recogniser: share of pairs judged rightly, genuine and impostor "
            "pairs weighted alike, by the threshold that is best on the other folds."
        ),
        "citation": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; dlib's embeddings",
        "assets": ("dlib",),
        "template": "utkface",
        "class_name": "Accuracy",
        "network": "dlib_recogniser",
        "perfect": 100,
    },
    {
        "id": "accuracy_arcface_r50",
        "label": "Accuracy",
        "direction": "higher",
        "definition": (
            "Verification accuracy by insightface's w600k_r50: share of pairs judged rightly, genuine and "
            "impostor pairs weighted alike, by the threshold that is best on the other folds."
        ),
        "citation": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; insightface's w600k_r50",
        "assets": ("buffalo_l",),
        "template": "ffhq",
        "class_name": "Accuracy",
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "tar_far1e2_dlib",
        "label": "TAR at 1e-2",
        "direction": "higher",
        "definition": "True accept rate by dlib's recogniser at the threshold where the false accept rate is 1 %.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with dlib's embeddings",
        "assets": ("dlib",),
        "template": "utkface",
        "class_name": "TrueAccepts",
        "params": {"far": 0.01},
        "network": "dlib_recogniser",
        "perfect": 100,
    },
    {
        "id": "tar_far1e2_arcface_r50",
        "label": "TAR at 1e-2",
        "direction": "higher",
        "definition": "True accept rate by insightface's w600k_r50 at the threshold where the false accept rate is 1 %.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with insightface's w600k_r50",
        "assets": ("buffalo_l",),
        "template": "ffhq",
        "class_name": "TrueAccepts",
        "params": {"far": 0.01},
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "tar_far1e3_dlib",
        "label": "TAR at 1e-3",
        "direction": "higher",
        "definition": "True accept rate by dlib's recogniser at the threshold where the false accept rate is 0.1 %.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with dlib's embeddings",
        "assets": ("dlib",),
        "template": "utkface",
        "class_name": "TrueAccepts",
        "params": {"far": 0.001},
        "network": "dlib_recogniser",
        "perfect": 100,
    },
    {
        "id": "tar_far1e3_arcface_r50",
        "label": "TAR at 1e-3",
        "direction": "higher",
        "definition": "True accept rate by insightface's w600k_r50 at the threshold where the false accept rate is 0.1 %.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with insightface's w600k_r50",
        "assets": ("buffalo_l",),
        "template": "ffhq",
        "class_name": "TrueAccepts",
        "params": {"far": 0.001},
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "eer_dlib",
        "label": "EER",
        "direction": "lower",
        "definition": "Equal error rate by dlib's recogniser: where the false accept rate equals the false reject rate.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with dlib's embeddings",
        "assets": ("dlib",),
        "template": "utkface",
        "class_name": "EqualErrorRate",
        "network": "dlib_recogniser",
        "perfect": 0,
    },
    {
        "id": "eer_arcface_r50",
        "label": "EER",
        "direction": "lower",
        "definition": "Equal error rate by insightface's w600k_r50: where the false accept rate equals the false reject rate.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with insightface's w600k_r50",
        "assets": ("buffalo_l",),
        "template": "ffhq",
        "class_name": "EqualErrorRate",
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 0,
    },
    {
        "id": "rank1_mobilefacenet",
        "label": "Rank-1 (MobileFaceNet)",
        "direction": "higher",
        "definition": (
            "Share of probes whose nearest gallery image, by MobileFaceNet, shows the right person; one clean "
            "photograph a person, mean over the galleries."
        ),
        "citation": "Phillips et al., The FERET evaluation methodology, PAMI 2000; MobileFaceNet",
        "assets": ("mobilefacenet",),
        "template": "utkface",
        "class_name": "RankOne",
        "network": "mobilefacenet",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "accuracy_mobilefacenet",
        "label": "Accuracy (MobileFaceNet)",
        "direction": "higher",
        "definition": (
            "Verification accuracy by MobileFaceNet: share of pairs judged rightly, genuine and impostor pairs "
            "weighted alike, by the threshold that is best on the other folds."
        ),
        "citation": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; MobileFaceNet",
        "assets": ("mobilefacenet",),
        "template": "utkface",
        "class_name": "Accuracy",
        "network": "mobilefacenet",
        "on_device": True,
        "perfect": 100,
    },
    {
        "id": "tar_far1e3_mobilefacenet",
        "label": "TAR at 1e-3 (MobileFaceNet)",
        "direction": "higher",
        "definition": "True accept rate by MobileFaceNet at the threshold where the false accept rate is 0.1 %.",
        "citation": "ISO/IEC 19795-1 (true and false accept rates), with MobileFaceNet",
        "assets": ("mobilefacenet",),
        "template": "utkface",
        "class_name": "TrueAccepts",
        "params": {"far": 0.001},
        "network": "mobilefacenet",
        "on_device": True,
        "perfect": 100,
    },
)


class Verification:
    """Base of the metrics of one operating curve, in percent.

    A subclass reads its value, in [0, 1], from the curve.
    """

    def __init__(self, comparison: Comparison):
        self._pairs = comparison.pairs()
        self._operating = Operating(self._pairs.similarity, self._pairs.genuine)

    def read(self, curve: Curve) -> float:
        """Return the value of one curve."""
        raise NotImplementedError

    def result(self, people: np.ndarray) -> float:
        """Return the value in percent; NaN without a genuine or an impostor pair.

        Args:
            people: (k,) how many times each person is drawn.
        """
        return 100 * self.read(self._operating.curve(self._pairs.weights(people)))


class EqualErrorRate(Verification):
    """Equal error rate in percent; 50 is chance."""

    def read(self, curve: Curve) -> float:
        """Return the rate at which FAR = FRR."""
        return equal_error_rate(curve)


class TrueAccepts(Verification):
    """Percent of genuine pairs accepted at a false accept rate of at most `far`.

    It is only meaningful where that rate amounts to several impostor pairs.
    """

    def __init__(self, comparison: Comparison, far: float):
        super().__init__(comparison)
        self._far = far

    def read(self, curve: Curve) -> float:
        """Return the TAR at that FAR."""
        return tar_at(curve, self._far)


class Accuracy:
    """Accuracy in percent; 50 is chance.

    The bootstrap keeps the folds' thresholds, which belong to the test.
    """

    def __init__(self, comparison: Comparison):
        self._pairs = comparison.pairs()
        right = cross_validated(self._pairs.similarity, self._pairs.genuine, *comparison.folds())
        judged = ~np.isnan(right)
        self._right = np.where(judged.any(0), np.where(judged, right, 0).sum(0), np.nan)  # a pair lies in one fold at most

    def result(self, people: np.ndarray) -> float:
        """Return the accuracy in percent, over the pairs that lie in some fold.

        Args:
            people: (k,) how many times each person is drawn.
        """
        return 100 * balanced_accuracy(self._right, self._pairs.genuine, self._pairs.weights(people))


class RankOne:
    """Rank-1 rate in percent, over galleries of one photograph a person.

    Chance is one over the number of people.
    """

    def __init__(self, comparison: Comparison):
        self._hits, self._asked = rank_one(comparison)
        self._probe_people = comparison.probe_people

    def result(self, people: np.ndarray) -> float:
        """Return the rate in percent; NaN without a probe.

        Args:
            people: (k,) how many times each person's probes are drawn; the gallery stays whole.
        """
        weights = np.asarray(people, float)[self._probe_people] * self._asked
        return float(100 * weights @ self._hits / weights.sum()) if weights.sum() else float("nan")
