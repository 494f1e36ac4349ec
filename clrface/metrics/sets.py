"""Distances between two sets of images in a network's feature space, from their inner products.

The restored set and the ground truth are *pairs*: image i of one shows the same photograph as image
i of the other. Both distances need only three (n, n) matrices of inner products, computed once. A
bootstrap resample is then a vector of counts, how often each image was drawn, so a thousand
resamples take seconds. Without ground truth the other set shows other faces (`UnpairedSets`). It is
not resampled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clrface.errors import UserError
from clrface.metrics.collect import problem

LEAST_IMAGES = 2
MANY_IMAGES = 512
"""From this many different images on, a resample is computed in a quarter of the time, with less
exact last digits.
"""


class Grams(NamedTuple):
    """Inner products of d features, float64: `pp` (n, n) and `rr` (m, m) within each set, `pr` (n,
    m) across. m is n for pairs.
    """

    pp: np.ndarray
    rr: np.ndarray
    pr: np.ndarray
    dimensions: int

    @classmethod
    def of(cls, pred: np.ndarray, ref: np.ndarray) -> "Grams":
        """Compute from two (n, d) arrays of features.

        Raises: ValueError for sets that are not paired.
        """
        if pred.shape != ref.shape:
            raise ValueError(f"Found features of shape {pred.shape} for the images, {ref.shape} for the ground truth; expected pairs.")
        return cls.of_sets(pred, ref)

    @classmethod
    def of_sets(cls, pred: np.ndarray, ref: np.ndarray) -> "Grams":
        """Compute from (n, d) and (m, d) features of two sets, which need not be paired."""
        pred, ref = pred.astype(np.float64), ref.astype(np.float64)
        return cls(pred @ pred.T, ref @ ref.T, pred @ ref.T, pred.shape[1])


def frechet_distance(grams: Grams, counts: np.ndarray) -> float:
    """Return the Frechet distance of the Gaussians fitted to both sets.

    It is |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)). With X and Y the centred features over sqrt(n
    - 1), C1 = X'X and C2 = Y'Y. So Tr (C1 C2)^(1/2) is the sum of the singular values of XY', an
    (n, n) matrix. This is exact for any n, unlike the root of a singular (d, d) product. Rounding
    below 0 is clipped. NaN for fewer than two images.

    Args:
        counts: (n,) how many times each image is taken.
    """
    drawn = counts > 0
    times = counts[drawn].astype(np.float64)
    n = times.sum()
    if n < LEAST_IMAGES:
        return float("nan")
    if len(times) >= MANY_IMAGES and counts.max() > 1:
        return _frechet_of_large_resample(grams, counts)
    share, among = times / n, np.ix_(drawn, drawn)
    pp, rr, pr = (_centred(gram[among], share) for gram in grams[:3])
    raw = grams.pp[among] + grams.rr[among] - grams.pr[among] - grams.pr[among].T
    weight = np.sqrt(times)
    root_trace = np.linalg.svd(weight[:, None] * pr * weight, compute_uv=False).sum()
    spread = times @ np.diag(pp) + times @ np.diag(rr) - 2 * root_trace
    return max(0.0, float(share @ raw @ share + spread / (n - 1)))


def unpaired_frechet_distance(grams: Grams, counts: np.ndarray) -> float:
    """Return `frechet_distance` from another set, whose m images are taken once each.

    Args:
        counts: (n,) how many times each restored image is taken.
    """
    drawn = counts > 0
    times, others = counts[drawn].astype(np.float64), np.ones(len(grams.rr))
    n, m = times.sum(), others.sum()
    if min(n, m) < LEAST_IMAGES:
        return float("nan")
    share, even = times / n, others / m
    among = grams.pp[np.ix_(drawn, drawn)]
    pp, rr, pr = _centred(among, share), _centred(grams.rr, even), _centred(grams.pr[drawn], share, even)
    means = share @ among @ share + even @ grams.rr @ even - 2 * share @ grams.pr[drawn] @ even
    root_trace = np.linalg.svd(np.sqrt(times)[:, None] * pr, compute_uv=False).sum() / np.sqrt((n - 1) * (m - 1))
    return max(0.0, float(means + times @ np.diag(pp) / (n - 1) + np.trace(rr) / (m - 1) - 2 * root_trace))


def unpaired_kernel_distance(grams: Grams, counts: np.ndarray) -> float:
    """Return `kernel_distance` from another set, by the unbiased estimator for independent samples.

    Gretton et al. 2012, lemma 6, equation 3: means over the pairs of different images within each
    set, and over all pairs across. It may fall below 0.
    """
    pp, rr, pr = ((gram / grams.dimensions + 1) ** 3 for gram in grams[:3])
    others = np.ones(len(rr))
    across = counts @ pr @ others / max(1.0, counts.sum() * others.sum())
    return _mean_of_pairs(pp, counts) + _mean_of_pairs(rr, others) - 2 * float(across)


def kernel_distance(grams: Grams, counts: np.ndarray) -> float:
    """Return the squared maximum mean discrepancy under the kernel (x.y / d + 1)^3.

    This is the unbiased estimator for paired samples (Gretton et al., JMLR 2012, lemma 6): the mean
    over i != j of k(p_i, p_j) + k(r_i, r_j) - k(p_i, r_j) - k(p_j, r_i). It may fall below 0. p_i
    and r_i show the same face and are not independent, so pairs of an image with itself are left
    out across the sets too. A perfect restoration therefore scores 0. In a resample, an image drawn
    twice is still one image; those pairs are left out in the same way. NaN for fewer than two
    different images.

    Args:
        counts: (n,) how many times each image is taken.
    """
    pp, rr, pr = ((gram / grams.dimensions + 1) ** 3 for gram in grams[:3])
    return _mean_of_pairs(pp + rr - pr - pr.T, counts)


def _frechet_of_large_resample(grams: Grams, counts: np.ndarray) -> float:
    """Return `frechet_distance` of a resample of many images, with one (n, n) matrix cut and
    centred.

    A set's spread is its images' mean squared norm less its mean's. The sum of the singular values
    is that of the roots of the eigenvalues of the matrix times its transpose. Both round more: the
    error is 1e-7 of the distance for 3,000 images.
    """
    n, drawn = counts.sum(), counts > 0
    share, root = counts / n, np.sqrt(counts[drawn])
    pp, rr, pr = (float(share @ gram @ share) for gram in grams[:3])
    spread = counts @ (np.diag(grams.pp) + np.diag(grams.rr)) - n * (pp + rr)
    across = root[:, None] * _centred(grams.pr[np.ix_(drawn, drawn)], share[drawn]) * root
    root_trace = np.sqrt(np.clip(np.linalg.eigvalsh(across @ across.T), 0, None)).sum()
    return max(0.0, pp + rr - 2 * pr + float(spread - 2 * root_trace) / (n - 1))


def _mean_of_pairs(values: np.ndarray, counts: np.ndarray) -> float:
    """Return the mean of `values` (n, n) over the ordered pairs of different images, each taken
    `counts` times.
    """
    times = counts.astype(np.float64)
    pairs = times.sum() ** 2 - (times**2).sum()
    if pairs == 0:
        return float("nan")
    return float((times @ values @ times - times**2 @ np.diag(values)) / pairs)


def _centred(gram: np.ndarray, share: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Return inner products after both sides' weighted means are subtracted.

    Args:
        share: the weights of rows, sum 1.
        other: the weights of columns, sum 1; None for those of rows.
    """
    other = share if other is None else other
    left, right = share @ gram, gram @ other
    return gram - left[None, :] - right[:, None] + left @ other


class PairedSets:
    """Base of the metrics with one value a set.

    It gathers both sets' features, and computes a distance from their inner products.
    """

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], distance: Callable[[Grams, np.ndarray], float]):
        self._features = features
        self._distance = distance
        self._pred: list[np.ndarray] = []
        self._ref: list[np.ndarray] = []
        self._grams: Grams | None = None

    def update(self, pred: np.ndarray, ref: np.ndarray | None) -> None:
        """Take a batch, both (B, 3, H, W) float32 RGB in [0, 1], paired.

        Raises: ValueError without ground truth, or for an image that can't be measured (see
        `collect.problem`).
        """
        if ref is None or len(ref) != len(pred):
            raise ValueError(f"Found {len(pred)} images, but {0 if ref is None else len(ref)} ground truths.")
        reasons = [reason for reason in map(problem, pred, ref) if reason]
        if reasons:
            raise ValueError(f"Image that can't be measured in a set: {reasons[0]}.")
        self._pred.append(self._features(pred))
        self._ref.append(self._features(ref))
        self._grams = None

    def result(self, indices: np.ndarray | None = None) -> float:
        """Return the distance; NaN for too few images.

        Args:
            indices: (m,) places of images, with repeats; None for all images.
        """
        n = sum(len(batch) for batch in self._pred)
        if n == 0:
            return float("nan")
        if self._grams is None:
            self._grams = Grams.of(np.concatenate(self._pred), np.concatenate(self._ref))
        counts = np.ones(n) if indices is None else np.bincount(indices, minlength=n)
        return self._distance(self._grams, counts)


class UnpairedSets:
    """Base of the metrics that compare a restored set with other, clean faces; see `PairedSets`."""

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], distance: Callable[[Grams, np.ndarray], float]):
        self._features = features
        self._distance = distance
        self._sets: dict[str, list[np.ndarray]] = {"pred": [], "clean": []}
        self._grams: Grams | None = None

    def update(self, pred: np.ndarray, ref: np.ndarray | None = None) -> None:
        """Take a batch of restored images, (B, 3, H, W) float32 RGB in [0, 1]; `ref` is ignored.

        Raises: ValueError for an image that can't be measured (see `collect.problem`).
        """
        self._take("pred", pred)

    def update_clean(self, faces: np.ndarray) -> None:
        """Take a batch of the clean faces; see `update`."""
        self._take("clean", faces)

    def result(self, indices: np.ndarray | None = None) -> float:
        """Return the distance from all clean faces; NaN for too few images.

        Args:
            indices: places of restored images, with repeats; None for all of them.
        """
        n = sum(len(batch) for batch in self._sets["pred"])
        if n == 0 or not self._sets["clean"]:
            return float("nan")
        if self._grams is None:
            self._grams = Grams.of_sets(*(np.concatenate(batches) for batches in self._sets.values()))
        counts = np.ones(n) if indices is None else np.bincount(indices, minlength=n)
        return self._distance(self._grams, counts)

    def _take(self, which: str, images: np.ndarray) -> None:
        reasons = [reason for reason in (problem(image, None) for image in images) if reason]
        if reasons:
            raise ValueError(f"Image that can't be measured in a set: {reasons[0]}.")
        self._sets[which].append(self._features(images))
        self._grams = None


class Statistics(NamedTuple):
    """A Gaussian fitted to the features of a large set: mean (d,) and covariance (d, d), float64."""

    mean: np.ndarray
    covariance: np.ndarray


def read_statistics(path: Path, dimensions: int) -> Statistics:
    """Read BasicSR's layout, a torch file with `mean` and `cov`.

    Raises: UserError for a file that is damaged or of other sizes.
    """
    from clrface.metrics.networks import states  # torch: only those who read statistics need it

    stored = states.read(path)
    mean, covariance = (np.asarray(stored.get(name, ()), dtype=np.float64) for name in ("mean", "cov"))
    if mean.shape != (dimensions,) or covariance.shape != (dimensions, dimensions):
        raise UserError(
            f"{path} holds a mean of shape {mean.shape} and a covariance of shape {covariance.shape}, but expected ({dimensions},) and "
            f"({dimensions}, {dimensions}). Delete {path.parent} and fetch it again."
        )
    return Statistics(mean, covariance)


class ToStatistics:
    """Base of the metrics that compare a set with stored statistics of another: the Frechet
    distance of the two Gaussians.

    With X the centred features over sqrt(n - 1), C1 = X'X. Tr (C1 C2)^(1/2) is the sum of the roots
    of the eigenvalues of X C2 X', an (n, n) matrix. This is exact for any n, as in
    `frechet_distance`. A resample needs only rows and columns of these matrices.
    """

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], statistics: Statistics):
        self._features = features
        self._statistics = statistics
        self._taken: list[np.ndarray] = []
        self._grams: tuple[np.ndarray, np.ndarray] | None = None

    def update(self, pred: np.ndarray, ref: np.ndarray | None = None) -> None:
        """Take a batch of restored images, (B, 3, H, W) float32 RGB in [0, 1]; `ref` is ignored.

        Raises: ValueError for an image that can't be measured (see `collect.problem`).
        """
        reasons = [reason for reason in (problem(image, None) for image in pred) if reason]
        if reasons:
            raise ValueError(f"Image that can't be measured in a set: {reasons[0]}.")
        self._taken.append(self._features(pred).astype(np.float64) - self._statistics.mean)
        self._grams = None

    def result(self, indices: np.ndarray | None = None) -> float:
        """Return the distance; NaN for fewer than two images.

        Args:
            indices: places of images, with repeats; None for all images.
        """
        n = sum(len(batch) for batch in self._taken)
        counts = np.ones(n) if indices is None else np.bincount(indices, minlength=n)
        if counts.sum() < LEAST_IMAGES:
            return float("nan")
        if self._grams is None:
            gaps = np.concatenate(self._taken)
            self._grams = gaps @ gaps.T, gaps @ self._statistics.covariance @ gaps.T
        drawn = counts > 0
        plain, weighted = (gram[np.ix_(drawn, drawn)] for gram in self._grams)
        times = counts[drawn].astype(np.float64)
        return self._distance(plain, weighted, times)

    def _distance(self, plain: np.ndarray, weighted: np.ndarray, times: np.ndarray) -> float:
        """Return the distance from the inner products, plain and under C2, of features less the
        stored mean.

        Args:
            times: (n,) how many times each image is taken.
        """
        n = times.sum()
        share, root = times / n, np.sqrt(times)
        spread = times @ np.diag(_centred(plain, share)) / (n - 1)
        inner = root[:, None] * _centred(weighted, share) * root / (n - 1)
        roots = np.sqrt(np.clip(np.linalg.eigvalsh(inner), 0, None)).sum()
        return max(0.0, float(share @ plain @ share + spread + np.trace(self._statistics.covariance) - 2 * roots))
