"""Face recognition: compare probes (restored faces) with a gallery (clean photographs).

*Verification* decides whether two photographs show one person, by a threshold on their similarity:

    TAR(t)  true accepts: the share of genuine pairs (one person) at or above t        FRR = 1 - TAR
    FAR(t)  false accepts: the share of impostor pairs (two people) at or above t
    EER     where FAR = FRR

Accuracy is LFW's (Huang et al. 2007). Each fold's threshold is chosen on the other folds, so it
never saw the people that it judges. With many more impostor than genuine pairs, the answer "two
people" would mostly be right. So accuracy is the mean of TAR and 1 - FAR. It equals LFW's where
both kinds are equally frequent, as in LFW's list. *Identification* finds the person whose gallery
photograph is nearest (rank 1).

A probe without an image is never recognised: its genuine pairs lie below every threshold, and no
person is nearest to it. Its impostor pairs are left out, so that rejecting them earns nothing. A
photograph is never compared with itself.

A test set may have a list of pairs, as LFW does. Then verification uses those pairs alone, in the
list's own folds. Each pair is used twice, with either photograph as the probe and the other's clean
version.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

FOLDS = 10
LEAST_PEOPLE = 4
"""Two folds of two people each; with fewer, a fold has no impostor pairs."""


@dataclass(frozen=True)
class Comparison:
    """Every probe against every photograph of the gallery.

    People are places in one sorted list of names.
    """

    similarity: np.ndarray
    """(p, g), higher is more alike; -inf for a probe without an image."""
    probe_people: np.ndarray
    """(p,) integers."""
    gallery_people: np.ndarray
    """(g,) integers."""
    turns: np.ndarray
    """(g,) integers: the place of a photograph among its person's in the gallery. Photographs of
    one place make a gallery of one each for `rank_one`.
    """
    itself: np.ndarray
    """(p, g) booleans: both are the same photograph."""
    listed: "Listed | None" = None
    """The pairs that verification uses; None: all."""

    @property
    def n_people(self) -> int:
        """Return the number of people that the probes and the gallery show."""
        return 1 + max(self.probe_people.max(initial=-1), self.gallery_people.max(initial=-1))

    def pairs(self) -> "Pairs":
        """Return the pairs that count: all, or those listed."""
        if self.listed is not None:
            return self.listed.pairs
        genuine = self.probe_people[:, None] == self.gallery_people[None, :]
        there = np.isfinite(self.similarity)
        counts = ~self.itself & (there | genuine)
        probe, other = np.nonzero(counts)
        return Pairs(self.similarity[counts], genuine[counts], self.probe_people[probe], self.gallery_people[other])

    def folds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return test and training pairs of each fold, (folds, n) booleans: the list's folds, or
        folds of people.
        """
        if self.listed is None:
            return people_folds(self.pairs(), self.n_people)
        test = self.listed.fold == np.unique(self.listed.fold)[:, None]
        return test, ~test


class Pairs(NamedTuple):
    """n pairs of photographs, (n,) each.

    Similarity (-inf where one has no image), whether they show one person, and the two people.
    """

    similarity: np.ndarray
    genuine: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def weights(self, people: np.ndarray) -> np.ndarray:
        """Return how often each pair occurs, (n,), when each person occurs `people` (k,) times.

        Copies of one person make no impostor pairs.
        """
        return np.where(self.genuine, people[self.first], people[self.first] * people[self.second]).astype(float)


class Listed(NamedTuple):
    """Pairs from a list, and the fold of each, (n,) integers."""

    pairs: Pairs
    fold: np.ndarray

    @classmethod
    def of(cls, similarity: np.ndarray, genuine: np.ndarray, first: np.ndarray, second: np.ndarray, fold: np.ndarray) -> "Listed":
        """Make pairs from (n,) arrays, without the impostor pairs of which one has no image."""
        counts = genuine | np.isfinite(similarity)
        return cls(Pairs(similarity[counts], genuine[counts], first[counts], second[counts]), fold[counts])


class Curve(NamedTuple):
    """An operating curve, (k,) each, from the strictest threshold (inf: none accepted) to the
    loosest.

    Both shares rise.
    """

    threshold: np.ndarray
    far: np.ndarray
    tar: np.ndarray


class Operating:
    """Operating curves of the same pairs under several weights: sorted once.

    Args:
        similarity: (n,), higher for more alike; -inf where a photograph has no image.
        genuine: (n,) booleans.
    """

    def __init__(self, similarity: np.ndarray, genuine: np.ndarray):
        self._order = np.argsort(-similarity, kind="stable")
        ordered = similarity[self._order]
        last_of_ties = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
        self._kept = np.flatnonzero(last_of_ties & np.isfinite(ordered))  # what has no image is accepted at no threshold
        self._threshold = np.concatenate([[np.inf], ordered[self._kept]])
        self._genuine = genuine[self._order]

    def curve(self, weights: np.ndarray) -> Curve:
        """Return the curve when pair i counts `weights[i]` times, (n,).

        NaN throughout without a genuine or without an impostor pair.
        """
        ordered = weights[self._order]
        shares = []
        for counted in (np.where(self._genuine, 0.0, ordered), np.where(self._genuine, ordered, 0.0)):
            total, accepted = counted.sum(), np.cumsum(counted)[self._kept]
            shares.append(np.concatenate([[0.0], accepted]) / total if total else np.full(len(self._threshold), np.nan))
        return Curve(self._threshold, *shares)


def operating_curve(pairs: Pairs) -> Curve:
    """Return the curve of all pairs, each counted once."""
    return Operating(pairs.similarity, pairs.genuine).curve(np.ones(len(pairs.similarity)))


def tar_at(curve: Curve, far: float) -> float:
    """Return the largest TAR at an FAR of at most `far`, without interpolation; NaN for a curve of
    NaN.
    """
    allowed = curve.tar[curve.far <= far]
    return float(allowed[-1]) if allowed.size else float("nan")


def equal_error_rate(curve: Curve) -> float:
    """Return the rate in [0, 1] at which FAR = FRR = 1 - TAR, interpolated linearly; lower is
    better.
    """
    gap = curve.far - (1 - curve.tar)
    if np.isnan(gap).any():
        return float("nan")
    after = int(np.argmax(gap >= 0)) if (gap >= 0).any() else len(gap) - 1
    if after == 0 or gap[after] < 0:  # even the loosest threshold misses more than it wrongly accepts
        return float(1 - curve.tar[after])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(curve.far[after - 1] + share * (curve.far[after] - curve.far[after - 1]))


def best_threshold(similarity: np.ndarray, genuine: np.ndarray) -> float:
    """Return the threshold with the highest mean of TAR and 1 - FAR, of (n,) pairs; among equals the
    strictest.

    It lies half way to the next lower similarity. It is inf, which accepts no pair, where no
    threshold is better than that.
    """
    curve = Operating(similarity, genuine).curve(np.ones(len(similarity)))
    best = int(np.argmax(curve.tar - curve.far))
    return float(curve.threshold[best : best + 2].mean()) if best else float("inf")


def cross_validated(similarity: np.ndarray, genuine: np.ndarray, test: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Judge each pair by the threshold of its fold's training pairs.

    Args:
        similarity, genuine: (n,) each.
        test, train: (folds, n) booleans.

    Returns: (folds, n) whether each pair is judged correctly. NaN where it isn't in the fold, or
    where the fold lacks training pairs of both kinds. A genuine pair without an image is judged
    wrongly; an impostor pair without one isn't judged.
    """
    right = np.full(test.shape, np.nan)
    for fold, (tested, trained) in enumerate(zip(test, train, strict=True)):
        if genuine[trained].any() and not genuine[trained].all():
            accepted = similarity[tested] >= best_threshold(similarity[trained], genuine[trained])
            right[fold, tested] = accepted == genuine[tested]
    right[:, np.isneginf(similarity) & ~genuine] = np.nan
    return right


def people_folds(pairs: Pairs, n_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Return test and training pairs of each fold, (folds, n) booleans: both people in the fold, or
    neither.

    Ten folds, or fewer so that two people are in each. Person i is in fold i modulo their number.
    """
    folds = np.arange(min(FOLDS, n_people // 2))[:, None]
    first, second = pairs.first % len(folds), pairs.second % len(folds)
    return (first == folds) & (second == folds), (first != folds) & (second != folds)


def balanced_accuracy(right: np.ndarray, genuine: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean of the shares of correctly judged genuine and impostor pairs.

    Args:
        right: (n,) NaN for a pair that isn't judged.
        genuine, weights: (n,) each.
    """
    judged = ~np.isnan(right)
    shares = []
    for side in (genuine & judged, ~genuine & judged):
        total = weights[side].sum()
        shares.append(weights[side] @ right[side] / total if total else np.nan)
    return float(np.mean(shares))


def rank_one(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Return for each probe, (p,): its share of galleries in which its own person is strictly the
    nearest, and whether any gallery counts.

    A gallery holds one photograph a person (those of one `turns`). A gallery that holds the probe
    itself, or lacks its person, doesn't count.
    """
    hits, asked = np.zeros(len(comparison.probe_people)), np.zeros(len(comparison.probe_people))
    genuine = comparison.probe_people[:, None] == comparison.gallery_people[None, :]
    for turn in np.unique(comparison.turns):
        members = comparison.turns == turn
        own = genuine[:, members] & ~comparison.itself[:, members]
        similarity = comparison.similarity[:, members]
        nearest_own = np.where(own, similarity, -np.inf).max(1)
        nearest_other = np.where(genuine[:, members], -np.inf, similarity).max(1)
        hits += own.any(1) & (nearest_own > nearest_other)
        asked += own.any(1)
    return hits / np.maximum(asked, 1), asked > 0
