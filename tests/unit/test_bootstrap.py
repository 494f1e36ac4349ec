"""The bootstrap: intervals worked out by hand, shared resamples, failed images and infinite values."""

import math

import numpy as np
import pytest

from clrface.seeds import generator
from clrface.stats.bootstrap import Estimate, bootstrap_indices, mean_interval, mean_over_seeds, resampled_means, set_interval
from tests.unit.score_files import INF, NAN


def test_the_indices_are_the_datasets_own():
    indices = bootstrap_indices(0, "orl", 7, 5)
    assert indices.shape == (7, 5)
    assert set(np.unique(indices)) <= set(range(5))
    assert np.array_equal(indices, generator(0, "bootstrap", "orl").integers(0, 5, size=(7, 5)))
    assert not np.array_equal(indices, bootstrap_indices(1, "orl", 7, 5))
    assert not np.array_equal(indices, bootstrap_indices(0, "lfw", 7, 5))


def test_a_bootstrap_worked_out_by_hand():
    values = np.array([1.0, 2.0, 6.0])
    indices = np.array([[0, 0, 0], [0, 1, 2], [2, 2, 2], [1, 1, 0]])
    assert resampled_means(values, indices).tolist() == [1.0, 3.0, 6.0, 5.0 / 3.0]
    assert mean_interval(values, indices) == Estimate(3.0, 1.0, 6.0)


def test_the_interval_holds_95_percent_of_the_resamples():
    values = np.arange(1.0, 1001.0)
    indices = np.arange(1000)[:, None]  # resample k is image k alone
    value, low, high = mean_interval(values, indices)
    assert (value, low, high) == (500.5, 25.0, 976.0)
    assert np.mean((values >= low) & (values <= high)) == pytest.approx(0.952)


def test_failed_images_are_left_out_of_every_mean():
    values = np.array([1.0, NAN, 4.0])
    indices = np.array([[0, 1, 1], [1, 2, 2], [0, 2, 1], [1, 1, 1]])
    assert np.array_equal(resampled_means(values, indices), [1.0, 4.0, 2.5, NAN], equal_nan=True)
    assert mean_interval(values, indices) == Estimate(2.5, 1.0, 4.0)
    assert all(math.isnan(part) for part in mean_interval(np.full(3, NAN), indices))


def test_infinite_values_stay_infinite():
    indices = bootstrap_indices(0, "orl", 30, 4)
    assert mean_interval(np.full(4, INF), indices) == Estimate(INF, INF, INF)


def test_two_methods_are_compared_on_the_same_resamples():
    rng = np.random.default_rng(0)
    hard = rng.normal(25.0, 5.0, 60)  # how hard each image is, for both
    a, b = hard + rng.normal(0, 0.1, 60), hard + 1.0 + rng.normal(0, 0.1, 60)
    indices = bootstrap_indices(0, "orl", 400, 60)
    difference = resampled_means(b, indices) - resampled_means(a, indices)
    assert difference == pytest.approx(resampled_means(b - a, indices))
    _, low, high = mean_interval(b - a, indices)
    single = mean_interval(a, indices)
    assert 0 < low <= 1 <= high
    assert (high - low) < 0.1 * (single.high - single.low)


def test_a_set_metrics_replicates_are_moved_onto_its_value():
    replicates = np.array([12.0, 14.0, 16.0, 18.0])  # biased: all above the value
    assert set_interval(10.0, replicates) == Estimate(10.0, 7.0, 13.0)
    assert set_interval(10.0, np.append(replicates, NAN)) == Estimate(10.0, 7.0, 13.0)
    assert set_interval(INF, replicates) == Estimate(INF, INF, INF)
    assert all(math.isnan(part) for part in set_interval(NAN, np.full(4, NAN)))


def test_seeds_are_averaged_image_by_image():
    per_seed = np.array([[1.0, 2.0, NAN, NAN], [3.0, NAN, 5.0, NAN]])
    assert np.array_equal(mean_over_seeds(per_seed), [2.0, 2.0, 5.0, NAN], equal_nan=True)
