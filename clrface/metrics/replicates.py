"""Bootstrap replicates of the distances in clrface.metrics.distances: all resamples at once.

A resample of an exact Frechet distance takes the singular values of a new matrix, seconds for 3,000
images. From `LINEARISED_FROM` images on, Tr (C1 C2)^(1/2), the only costly term, is therefore
replaced by its linear expansion in the images' counts around the whole set (the infinitesimal
jackknife: Jaeckel 1972; Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982,
chapter 6). The two traces are expanded alike, since their errors cancel; the distance of the means
is exact. Replicates of the kernel distance are exact.

Measured: pairs of clean and degraded UTKFace images, 120 to 1,000, in EfficientNet-Lite0's features,
distances from 2 to 220 % of Tr C2: standard deviation within 3 % of the exact replicates',
correlation with them .98 and more. Synthetic features nearer than a quarter of Tr C2, each changed
by a noise of its own: up to a quarter too narrow.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from clrface.metrics.distances import (
    LEAST_IMAGES,
    Gaps,
    Grams,
    centred,
    frechet_distance,
    frechet_distance_to_gaussian,
    mean_of_pairs,
    paired_kernel,
    unpaired_frechet_distance,
    unpaired_kernel_distances,
)

Products = TypeVar("Products")
LINEARISED_FROM = 512
"""Sets of at least as many images get linearised Frechet replicates."""


def frechet_replicates(grams: Grams, counts: np.ndarray) -> np.ndarray:
    """Return the Frechet distance of each resample, (n_boot,); NaN for fewer than two images.

    Args:
        counts: (n_boot, n) how many times each resample takes each image.
    """
    return _replicates(grams, counts, frechet_distance, _linear_frechet)


def unpaired_frechet_replicates(grams: Grams, counts: np.ndarray) -> np.ndarray:
    """Return `frechet_replicates`, (n_boot,), from another set, whose images are taken once each."""
    return _replicates(grams, counts, unpaired_frechet_distance, _linear_unpaired_frechet)


def frechet_replicates_to_gaussian(gaps: Gaps, counts: np.ndarray) -> np.ndarray:
    """Return `frechet_replicates`, (n_boot,), from a stored Gaussian."""
    return _replicates(gaps, counts, frechet_distance_to_gaussian, _linear_frechet_to_gaussian)


def kernel_replicates(grams: Grams, counts: np.ndarray) -> np.ndarray:
    """Return the kernel distance of each resample, (n_boot,); NaN for fewer than two different
    images.
    """
    kernel = paired_kernel(grams)
    return np.array([mean_of_pairs(kernel, row) for row in counts])


unpaired_kernel_replicates = unpaired_kernel_distances


def _replicates(
    products: Products,
    counts: np.ndarray,
    exact: Callable[[Products, np.ndarray], float],
    linear: Callable[[Products, np.ndarray], np.ndarray],
) -> np.ndarray:
    if counts.shape[1] < LINEARISED_FROM:
        return np.array([exact(products, row) for row in counts])
    enough = counts.sum(1) >= LEAST_IMAGES
    values = np.full(len(counts), np.nan)
    values[enough] = np.maximum(0, linear(products, counts[enough].astype(np.float64)))
    return values


def _linear_frechet(grams: Grams, counts: np.ndarray) -> np.ndarray:
    n, even, _ = _shares(counts)
    pp, rr, pr = (centred(gram, even) for gram in grams[:3])
    left, right = _parts_of_nuclear_norm(pr)
    spread = counts @ (np.diag(pp) + np.diag(rr) - left - right) / (n - 1)
    return _quadratic(grams.pp + grams.rr - grams.pr - grams.pr.T, counts / n[:, None]) + spread


def _linear_unpaired_frechet(grams: Grams, counts: np.ndarray) -> np.ndarray:
    n, even, growth = _shares(counts)
    m = len(grams.rr)
    others = np.full(m, 1 / m)
    share = counts / n[:, None]
    means = _quadratic(grams.pp, share) + others @ grams.rr @ others - 2 * share @ grams.pr @ others
    traces = counts @ np.diag(centred(grams.pp, even)) / (n - 1) + np.trace(centred(grams.rr, others)) / (m - 1)
    left, _ = _parts_of_nuclear_norm(centred(grams.pr, even, others))
    return means + traces - 2 * _root_of_one_side(left, counts, growth) / np.sqrt((n - 1) * (m - 1))


def _linear_frechet_to_gaussian(gaps: Gaps, counts: np.ndarray) -> np.ndarray:
    n, even, growth = _shares(counts)
    values, vectors = np.linalg.eigh(centred(gaps.weighted, even))
    parts = vectors**2 @ np.sqrt(np.clip(values, 0, None))
    spread = counts @ np.diag(centred(gaps.plain, even)) / (n - 1)
    return _quadratic(gaps.plain, counts / n[:, None]) + spread + gaps.trace - 2 * _root_of_one_side(parts, counts, growth) / np.sqrt(n - 1)


def _shares(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each resample's number of images (n_boot,), an image's share of the whole set (n,), and
    by how much each resample is larger than the set.

    Resamples are smaller where failed images were drawn.
    """
    n = counts.sum(1)
    return n, np.full(counts.shape[1], 1 / counts.shape[1]), n / counts.shape[1]


def _parts_of_nuclear_norm(across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what each row (n,) and each column (m,) gives to the sum of the singular values of
    `across`: the diagonals of U S U' and V S V'. Half of it is the sum's derivative in the count.
    """
    left, values, right = np.linalg.svd(across, full_matrices=False)
    return left**2 @ values, values @ right**2


def _root_of_one_side(parts: np.ndarray, counts: np.ndarray, growth: np.ndarray) -> np.ndarray:
    """Return the expansion of a root that only one side's counts change: it grows as their root."""
    return np.sqrt(growth) * (parts.sum() + counts @ parts / growth) / 2


def _quadratic(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return row @ matrix @ row of each row."""
    return np.einsum("bi,bi->b", rows @ matrix, rows)
