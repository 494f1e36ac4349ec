"""Frechet and kernel distance of two sets in a network's feature space, from their inner products.

The restored set and the ground truth are *pairs*: image i of one shows the same photograph as image
i of the other. Both distances need only three (n, n) matrices of inner products, computed once. A
resample is then a vector of counts, how often each image is taken. Without ground truth the other
set shows other faces, and is not resampled (`unpaired_*`).
"""

from typing import NamedTuple

import numpy as np

LEAST_IMAGES = 2


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
    share, among = times / n, np.ix_(drawn, drawn)
    pp, rr, pr = (centred(gram[among], share) for gram in grams[:3])
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
    pp, rr, pr = centred(among, share), centred(grams.rr, even), centred(grams.pr[drawn], share, even)
    means = share @ among @ share + even @ grams.rr @ even - 2 * share @ grams.pr[drawn] @ even
    root_trace = np.linalg.svd(np.sqrt(times)[:, None] * pr, compute_uv=False).sum() / np.sqrt((n - 1) * (m - 1))
    return max(0.0, float(means + times @ np.diag(pp) / (n - 1) + np.trace(rr) / (m - 1) - 2 * root_trace))


def unpaired_kernel_distance(grams: Grams, counts: np.ndarray) -> float:
    """Return `kernel_distance` from another set, by the unbiased estimator for independent samples.

    Gretton et al. 2012, lemma 6, equation 3: means over the pairs of different images within each
    set, and over all pairs across. It may fall below 0.

    Args:
        counts: (n,) how many times each restored image is taken.
    """
    return float(unpaired_kernel_distances(grams, counts[None])[0])


def unpaired_kernel_distances(grams: Grams, counts: np.ndarray) -> np.ndarray:
    """Return `unpaired_kernel_distance` of each row of `counts` (n_boot, n), (n_boot,)."""
    pp, rr, pr = _kernels(grams)
    others = np.ones(len(rr))
    among = mean_of_pairs(rr, others)

    def distance(times: np.ndarray) -> float:
        across = times @ pr @ others / max(1.0, times.sum() * others.sum())
        return mean_of_pairs(pp, times) + among - 2 * float(across)

    return np.array([distance(row) for row in counts])


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
    return mean_of_pairs(paired_kernel(grams), counts)


def paired_kernel(grams: Grams) -> np.ndarray:
    """Return k(p_i, p_j) + k(r_i, r_j) - k(p_i, r_j) - k(p_j, r_i), (n, n)."""
    pp, rr, pr = _kernels(grams)
    return pp + rr - pr - pr.T


def _kernels(grams: Grams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pp, rr, pr = ((gram / grams.dimensions + 1) ** 3 for gram in grams[:3])
    return pp, rr, pr


def mean_of_pairs(values: np.ndarray, counts: np.ndarray) -> float:
    """Return the mean of `values` (n, n) over the ordered pairs of different images, each taken
    `counts` times.
    """
    times = counts.astype(np.float64)
    pairs = times.sum() ** 2 - (times**2).sum()
    if pairs == 0:
        return float("nan")
    return float((times @ values @ times - times**2 @ np.diag(values)) / pairs)


def centred(gram: np.ndarray, share: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Return inner products `gram` after both sides' weighted means are subtracted, (n, m).

    Args:
        share: (n,) the weights of rows, sum 1.
        other: (m,) the weights of columns, sum 1; None for those of rows.
    """
    other = share if other is None else other
    left, right = share @ gram, gram @ other
    return gram - left[None, :] - right[:, None] + left @ other


class Statistics(NamedTuple):
    """A Gaussian fitted to the features of a large set: mean (d,) and covariance (d, d), float64."""

    mean: np.ndarray
    covariance: np.ndarray


class Gaps(NamedTuple):
    """Inner products (n, n) of features less a stored mean, `plain` and under the stored covariance
    C2, and C2's trace.
    """

    plain: np.ndarray
    weighted: np.ndarray
    trace: float

    @classmethod
    def of(cls, features: np.ndarray, stored: Statistics) -> "Gaps":
        """Compute from (n, d) features."""
        gaps = features.astype(np.float64) - stored.mean
        return cls(gaps @ gaps.T, gaps @ stored.covariance @ gaps.T, float(np.trace(stored.covariance)))


def frechet_distance_to_gaussian(gaps: Gaps, counts: np.ndarray) -> float:
    """Return the Frechet distance from a stored Gaussian.

    With X the centred features over sqrt(n - 1), C1 = X'X. Tr (C1 C2)^(1/2) is the sum of the roots
    of the eigenvalues of X C2 X', an (n, n) matrix. This is exact for any n, as in
    `frechet_distance`. NaN for fewer than two images.

    Args:
        counts: (n,) how many times each image is taken.
    """
    drawn = counts > 0
    times = counts[drawn].astype(np.float64)
    n = times.sum()
    if n < LEAST_IMAGES:
        return float("nan")
    plain, weighted = (gram[np.ix_(drawn, drawn)] for gram in (gaps.plain, gaps.weighted))
    share, root = times / n, np.sqrt(times)
    spread = times @ np.diag(centred(plain, share)) / (n - 1)
    inner = root[:, None] * centred(weighted, share) * root / (n - 1)
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(inner), 0, None)).sum()
    return max(0.0, float(share @ plain @ share + spread + gaps.trace - 2 * roots))
