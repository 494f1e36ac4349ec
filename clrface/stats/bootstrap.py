"""Image-paired percentile bootstrap: how far a mean would move with other images of the same kind.

Every method of a dataset is resampled with the same indices. So the intervals of two methods move
together, and their difference, resample by resample, is a fair test (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13). Values are in the metric's own unit; NaN stands
for an image without a value.

An interval end between two resamples is the outer one. Nothing is interpolated, so an infinite PSNR
stays infinite.
"""

from typing import NamedTuple

import numpy as np

from clrface.seeds import generator

COVERAGE_PERCENT = 95.0


class Estimate(NamedTuple):
    """A value with its 95 % interval, the percentiles 2.5 and 97.5; three NaN where nothing was
    measured.
    """

    value: float
    low: float
    high: float


class Resampling(NamedTuple):
    """The resamples to draw, shared by every method, metric and degradation of a dataset."""

    base_seed: int
    dataset: str
    n_boot: int
    """How many resamples are drawn."""


UNMEASURED = Estimate(float("nan"), float("nan"), float("nan"))


def bootstrap_indices(base_seed: int, dataset: str, n_boot: int, n: int) -> np.ndarray:
    """Draw the images of each resample: (n_boot, n) int64 indices of the sorted list of image ids.

    They depend only on the base seed, the dataset and the two sizes. So every method, metric and
    degradation of a dataset shares them.
    """
    return generator(base_seed, "bootstrap", dataset).integers(0, n, size=(n_boot, n))


def people_counts(base_seed: int, dataset: str, n_boot: int, n: int) -> np.ndarray:
    """Draw people: (n_boot, n) int64, how often each resample takes each of `n` people, sorted by
    name.

    A person is drawn with all photographs, since two of one person are not independent.
    """
    drawn = generator(base_seed, "bootstrap people", dataset).integers(0, n, size=(n_boot, n))
    return np.stack([np.bincount(row, minlength=n) for row in drawn])


def mean_over_seeds(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis, (seeds, ...) to (...), over the seeds that have a value.

    NaN marks a failure; an image that failed at every seed stays NaN.
    """
    return _mean_of_measured(values, axis=0)


def resampled_means(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the mean of each resample, (n_boot,).

    A failed image (NaN) is left out of the resamples that draw it, as it is left out of the mean. A
    resample of failed images alone is NaN.

    Args:
        values: (n,) floats.
        indices: (n_boot, n), by `bootstrap_indices`.
    """
    return _mean_of_measured(values[indices], axis=1)


def mean_interval(values: np.ndarray, indices: np.ndarray) -> Estimate:
    """Return the mean over images and its percentile interval.

    Args:
        values: (n,); NaN for a failed image, which is left out.
        indices: (n_boot, n), by `bootstrap_indices`.
    """
    return Estimate(float(_mean_of_measured(values, axis=0)), *_percentiles(resampled_means(values, indices)))


def without_perfect(values: np.ndarray) -> np.ndarray:
    """Return values, (n,), with the infinite ones made NaN where others are finite.

    One copy of the ground truth, at infinite dB, must not decide a mean. Where every measured image
    is infinite, as for the ground truth itself, the values stay.
    """
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if np.isfinite(values).any() and infinite.any() else values


def set_interval(value: float, replicates: np.ndarray) -> Estimate:
    """Return a set metric's value and the interval of its bootstrap `replicates` (n_boot,), centred
    on it.

    A distance between distributions grows when images repeat. A resample holds about 63 % of the
    images, so it looks less varied than the set. The replicates therefore lie to one side of the
    value, and their plain percentiles may not contain it. Their spread measures the uncertainty. So
    they are shifted until their mean equals the value. Nothing is clipped: a distance near 0 may
    have a lower end under 0. NaN replicates are left out.

    Where the value isn't finite, or no replicate is left, both ends are the value.
    """
    measured = replicates[~np.isnan(replicates)]
    if not np.isfinite(value) or measured.size == 0:
        return Estimate(float(value), float(value), float(value))
    return Estimate(float(value), *_percentiles(measured + (value - measured.mean())))


def percentile_interval(value: float, replicates: np.ndarray) -> Estimate:
    """Return a statistic and the percentile interval of its `replicates` (n_boot,), of which NaN
    are left out; both ends are NaN where none is left.
    """
    return Estimate(float(value), *_percentiles(replicates))


def _mean_of_measured(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean along `axis` of what is not NaN; NaN where nothing is left."""
    measured = ~np.isnan(values)
    count = measured.sum(axis=axis)
    total = np.where(measured, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _percentiles(replicates: np.ndarray) -> tuple[float, float]:
    measured = replicates[~np.isnan(replicates)]
    if measured.size == 0:
        return float("nan"), float("nan")
    tail = (100.0 - COVERAGE_PERCENT) / 2.0
    return float(np.percentile(measured, tail, method="lower")), float(np.percentile(measured, 100.0 - tail, method="higher"))
