"""Bootstrap replicates of set distances: exact for small sets, and how near the linearised ones of large sets are to the exact ones."""

import numpy as np
import pytest

from clrface.metrics import replicates
from clrface.metrics.distances import Gaps, Grams, Statistics, frechet_distance, frechet_distance_to_gaussian, unpaired_frechet_distance
from clrface.metrics.replicates import (
    LINEARISED_FROM,
    frechet_replicates,
    frechet_replicates_to_gaussian,
    kernel_replicates,
    unpaired_frechet_replicates,
    unpaired_kernel_replicates,
)
from clrface.metrics.sets import Distance, PairedSets

FEATURES = 192


def networks_features(n: int, seed: int) -> np.ndarray:
    """(n, FEATURES) at least 0, with a spectrum that falls as a network's pooled features do."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, FEATURES)) * np.arange(1, FEATURES + 1) ** -0.7
    rotation, _ = np.linalg.qr(np.random.default_rng(99).normal(size=(FEATURES, FEATURES)))
    return np.maximum(0, 0.3 + mixed @ rotation)


def restored(features: np.ndarray, change: float) -> np.ndarray:
    """The same images, changed alike and each by itself."""
    rng = np.random.default_rng(7)
    return features * (1 - change) + change * (0.2 + 0.5 * rng.normal(size=features.shape) ** 2)


def resamples(count: int, n: int, drawn: int | None = None) -> np.ndarray:
    """(count, n) how many times each of `n` images is taken when `drawn` (n) images are."""
    rng = np.random.default_rng(5)
    return np.stack([np.bincount(rng.integers(0, n, drawn or n), minlength=n) for _ in range(count)])


def agree(linear: np.ndarray, exact: np.ndarray) -> None:
    """Spread within 5 %, and each resample on the same side."""
    assert linear.std() == pytest.approx(exact.std(), rel=0.05)
    assert np.corrcoef(linear, exact)[0, 1] > 0.97


@pytest.mark.parametrize("change", [0.5, 0.2], ids=["far", "near"])
def test_linearised_replicates_of_pairs_spread_as_exact_ones(change: float) -> None:
    truth = networks_features(LINEARISED_FROM, 0)
    grams, counts = Grams.of(restored(truth, change), truth), resamples(150, len(truth))
    agree(frechet_replicates(grams, counts), np.array([frechet_distance(grams, row) for row in counts]))


def test_linearised_replicates_from_other_faces_spread_as_exact_ones() -> None:
    grams = Grams.of_sets(restored(networks_features(LINEARISED_FROM, 0), 0.2), networks_features(300, 1))
    counts = resamples(150, LINEARISED_FROM)
    agree(unpaired_frechet_replicates(grams, counts), np.array([unpaired_frechet_distance(grams, row) for row in counts]))


def test_linearised_replicates_from_a_stored_gaussian_spread_as_exact_ones() -> None:
    stored = networks_features(2000, 2)
    gaps = Gaps.of(restored(networks_features(LINEARISED_FROM, 0), 0.2), Statistics(stored.mean(0), np.cov(stored, rowvar=False)))
    counts = resamples(150, LINEARISED_FROM)
    agree(frechet_replicates_to_gaussian(gaps, counts), np.array([frechet_distance_to_gaussian(gaps, row) for row in counts]))


@pytest.mark.parametrize("part", ["paired", "unpaired", "gaussian"])
def test_the_expansion_is_the_whole_sets_distance_at_the_whole_set(part: str) -> None:
    """Also for a set taken twice, whose covariances differ by their n - 1 alone."""
    truth = networks_features(LINEARISED_FROM, 0)
    grams = Grams.of(restored(truth, 0.3), truth)
    counts = np.ones((2, len(truth)))
    counts[1] = 2
    if part == "gaussian":
        gaps = Gaps.of(restored(truth, 0.3), Statistics(truth.mean(0), np.cov(truth, rowvar=False)))
        linear, exact = frechet_replicates_to_gaussian(gaps, counts), [frechet_distance_to_gaussian(gaps, row) for row in counts]
    elif part == "paired":
        linear, exact = frechet_replicates(grams, counts), [frechet_distance(grams, row) for row in counts]
    else:
        linear, exact = unpaired_frechet_replicates(grams, counts), [unpaired_frechet_distance(grams, row) for row in counts]
    np.testing.assert_allclose(linear, exact, rtol=1e-8)


def test_failed_images_make_resamples_smaller() -> None:
    truth = networks_features(LINEARISED_FROM, 0)
    grams, counts = Grams.of(restored(truth, 0.3), truth), resamples(60, len(truth), drawn=len(truth) - 40)
    agree(frechet_replicates(grams, counts), np.array([frechet_distance(grams, row) for row in counts]))


def test_resamples_of_too_few_images_have_no_value() -> None:
    truth = networks_features(LINEARISED_FROM, 0)
    counts = resamples(3, len(truth))
    counts[1] = np.eye(len(truth), dtype=int)[4]
    assert np.isnan(frechet_replicates(Grams.of(restored(truth, 0.3), truth), counts)).tolist() == [False, True, False]


def test_small_sets_get_exact_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicates, "_linear_frechet", None)
    truth = networks_features(LINEARISED_FROM - 1, 0)
    grams, counts = Grams.of(restored(truth, 0.3), truth), resamples(2, len(truth))
    assert frechet_replicates(grams, counts).tolist() == [frechet_distance(grams, row) for row in counts]


@pytest.mark.parametrize("replicate", [kernel_replicates, unpaired_kernel_replicates])
def test_kernel_replicates_are_each_resamples_own_distance(replicate: type) -> None:
    truth = networks_features(20, 0)
    metric = PairedSets(lambda images: images[:, 0, 0], Distance(lambda grams, row: replicate(grams, row[None])[0], replicate, scale=1000))  # pyright: ignore
    images = np.stack([restored(truth, 0.3), truth])[:, :, None, None].astype(np.float32).repeat(3, 2)
    metric.update(images[0], images[1])
    drawn = np.random.default_rng(0).integers(0, 20, (5, 20))
    counts = np.stack([np.bincount(row, minlength=20) for row in drawn])
    assert metric.replicates(counts).tolist() == [metric.result(row) for row in drawn]
