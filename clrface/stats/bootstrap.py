"""Image-paired percentile bootstrap: how far would a mean move if other images of the same kind had been drawn?

Every method of a dataset is resampled with the same indices. So the intervals of two methods move together, and the
difference of two methods, resample by resample, is a fair test of one against the other (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13).

Where the interval ends fall between two resamples, the outer one is taken: nothing is interpolated, so an infinite
PSNR stays infinite.
"""

from typing import NamedTuple

import numpy as np

from clrface.seeds import generator

COVERAGE_PERCENT = 95.0


class Estimate(NamedTuple):
    """A value with its 95 % interval; three NaN where nothing was measured."""

    value: float
    low: float
    high: float


class Resampling(NamedTuple):
    """Which resamples are drawn: every method, metric and degradation of a dataset shares them."""

    base_seed: int
    dataset: str
    n_boot: int


UNMEASURED = Estimate(float("nan"), float("nan"), float("nan"))


def bootstrap_indices(base_seed: int, dataset: str, n_boot: int, n: int) -> np.ndarray:
    """(n_boot, n) integers in [0, n): the images of each resample, as places in the sorted list of image ids.

    They depend on the base seed, the dataset and the two sizes alone, so every method, metric and degradation of a
    dataset shares them.
    """
    return generator(base_seed, "bootstrap", dataset).integers(0, n, size=(n_boot, n))


def people_counts(base_seed: int, dataset: str, n_boot: int, n: int) -> np.ndarray:
    """(n_boot, n): how often each resample takes each of `n` people, as places in the sorted list of their names.

    Who is drawn comes with all of their photographs: two of one person are not independent.
    """
    drawn = generator(base_seed, "bootstrap people", dataset).integers(0, n, size=(n_boot, n))
    return np.stack([np.bincount(row, minlength=n) for row in drawn])


def mean_over_seeds(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis, (seeds, ...) to (...): an image's mean over the seeds at which it was measured.

    NaN marks a failure; an image that failed at every seed stays NaN.
    """
    return _mean_of_measured(values, axis=0)


def resampled_means(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The mean of each resample: `values` (n,) and `indices` (n_boot, n) to (n_boot,).

    A failed image (NaN) is left out of the resamples that draw it, just as it is left out of the mean; a resample of
    nothing but failed images is NaN.
    """
    return _mean_of_measured(values[indices], axis=1)


def mean_interval(values: np.ndarray, indices: np.ndarray) -> Estimate:
    """The mean over images and its percentile interval: `values` (n,), NaN for a failed image, left out of every mean."""
    return Estimate(float(_mean_of_measured(values, axis=0)), *_percentiles(resampled_means(values, indices)))


def without_perfect(values: np.ndarray) -> np.ndarray:
    """Images' values, with the infinite ones made NaN where others are finite: one copy of the truth, at infinite dB, is no mean's win.

    Where every measured image is infinite, as the ground truth's own, they stay.
    """
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if np.isfinite(values).any() and infinite.any() else values


def set_interval(value: float, replicates: np.ndarray) -> Estimate:
    """A set metric's value and the interval from its bootstrap `replicates` (n_boot,), moved onto the value.

    A distance between distributions grows when images repeat: a resample holds about 63 % of the images, so it looks
    less varied than the set it was drawn from. The replicates therefore lie to one side of the value, and their plain
    percentiles need not even contain it. Their spread is what tells of the uncertainty. So they are moved until their
    mean lies on the value. Nothing is clipped: a distance near 0 may have a lower end under 0.
    """
    measured = replicates[~np.isnan(replicates)]
    if not np.isfinite(value) or measured.size == 0:
        return Estimate(float(value), float(value), float(value))
    return Estimate(float(value), *_percentiles(measured + (value - measured.mean())))


def percentile_interval(value: float, replicates: np.ndarray) -> Estimate:
    """A statistic and the percentile interval of its `replicates` (n_boot,), NaN left out."""
    return Estimate(float(value), *_percentiles(replicates))


def _mean_of_measured(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean along `axis` over what is not NaN; NaN where nothing is left."""
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
