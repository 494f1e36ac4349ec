"""Frechet and kernel distance: closed forms, pytorch-fid's function, brute force, and how resamples are counted."""

import numpy as np
import pytest
from pytorch_fid.fid_score import calculate_frechet_distance

from clrface.metrics.distances import Grams, frechet_distance, kernel_distance, unpaired_frechet_distance, unpaired_kernel_distance
from clrface.metrics.replicates import frechet_replicates, unpaired_frechet_replicates
from clrface.metrics.sets import Distance, PairedSets, UnpairedSets


def features(n: int, d: int, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    """(n, d) correlated normal features."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d) + shift


def once(n: int) -> np.ndarray:
    return np.ones(n)


def frechet(pred: np.ndarray, ref: np.ndarray) -> float:
    return frechet_distance(Grams.of(pred, ref), once(len(pred)))


def kernel(pred: np.ndarray, ref: np.ndarray) -> float:
    return kernel_distance(Grams.of(pred, ref), once(len(pred)))


def pytorch_fid(pred: np.ndarray, ref: np.ndarray) -> float:
    return calculate_frechet_distance(pred.mean(0), np.cov(pred, rowvar=False), ref.mean(0), np.cov(ref, rowvar=False))


def plain_kernel_distance(pred: np.ndarray, ref: np.ndarray, image_of: list[int]) -> float:
    """Pair by pair, leaving out pairs of one image with itself."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / len(a) + 1) ** 3

    values = [
        k(pred[i], pred[j]) + k(ref[i], ref[j]) - k(pred[i], ref[j]) - k(pred[j], ref[i])
        for i in range(len(pred))
        for j in range(len(pred))
        if image_of[i] != image_of[j]
    ]
    return float(np.mean(values))


def test_frechet_of_shifted_sets_is_the_squared_shift() -> None:
    ref = features(20, 8)
    assert frechet(ref + 0.5, ref) == pytest.approx(8 * 0.25, rel=1e-9)


def test_frechet_in_one_dimension_has_a_closed_form() -> None:
    rng = np.random.default_rng(1)
    pred, ref = rng.normal(2, 3, (50, 1)), rng.normal(0, 1, (50, 1))
    expected = (pred.mean() - ref.mean()) ** 2 + (pred.std(ddof=1) - ref.std(ddof=1)) ** 2
    assert frechet(pred, ref) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(200, 16), (40, 64), (120, 1280)], ids=["more images than features", "fewer", "as in the tables"])
def test_frechet_is_pytorch_fids(n: int, d: int) -> None:
    pred, ref = features(n, d, shift=0.1, seed=2), features(n, d, seed=3)
    assert frechet(pred, ref) == pytest.approx(pytorch_fid(pred, ref), rel=1e-4)


@pytest.mark.parametrize("distance", [frechet, kernel])
def test_equal_sets_are_at_distance_zero(distance) -> None:
    ref = features(30, 200)
    assert distance(ref.copy(), ref) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("distance", [frechet, kernel])
def test_the_order_of_the_pairs_does_not_matter(distance) -> None:
    pred, ref = features(30, 50, shift=0.2, seed=4), features(30, 50, seed=5)
    order = np.random.default_rng(6).permutation(30)
    assert distance(pred[order], ref[order]) == pytest.approx(distance(pred, ref), rel=1e-9)


@pytest.mark.parametrize("distance", [frechet, kernel])
def test_the_further_the_larger(distance) -> None:
    ref = features(40, 30, seed=7)
    values = [distance(ref + shift, ref) for shift in (0.0, 0.2, 0.4, 0.8)]
    assert values == sorted(values)
    assert values[1] > 0.01


def test_kernel_distance_is_the_plain_sum() -> None:
    pred, ref = features(7, 5, shift=0.3, seed=9), features(7, 5, seed=10)
    assert kernel(pred, ref) == pytest.approx(plain_kernel_distance(pred, ref, list(range(7))), rel=1e-9)


def test_kernel_distance_is_unbiased_for_pairs() -> None:
    """Both sets from one distribution, each pair alike: the mean over many small sets is 0; the usual estimator's is not."""
    rng = np.random.default_rng(11)
    ours, usual = [], []
    for _ in range(3000):
        common = rng.normal(size=(6, 4))
        pred, ref = (common + 0.3 * rng.normal(size=(6, 4)) for _ in range(2))
        ours.append(kernel(pred, ref))
        cross = ((pred @ ref.T / 4 + 1) ** 3).diagonal().mean()
        everything = ((pred @ ref.T / 4 + 1) ** 3).mean()
        off = (6 * everything - cross) / 5
        usual.append(ours[-1] + 2 * (off - everything))
    standard_error = np.std(ours) / np.sqrt(len(ours))
    assert abs(np.mean(ours)) < 4 * standard_error
    assert np.mean(usual) < -4 * standard_error


INDICES = np.array([3, 0, 3, 5, 5, 5, 1, 2])


def test_frechet_of_a_resample_is_that_of_the_repeated_rows() -> None:
    pred, ref = features(8, 20, shift=0.2, seed=12), features(8, 20, seed=13)
    counts = np.bincount(INDICES, minlength=8)
    assert frechet_distance(Grams.of(pred, ref), counts) == pytest.approx(frechet(pred[INDICES], ref[INDICES]), rel=1e-9)


def test_kernel_distance_of_a_resample_leaves_out_an_images_pairs_with_its_copies() -> None:
    pred, ref = features(8, 20, shift=0.2, seed=12), features(8, 20, seed=13)
    counts = np.bincount(INDICES, minlength=8)
    expected = plain_kernel_distance(pred[INDICES], ref[INDICES], INDICES.tolist())
    assert kernel_distance(Grams.of(pred, ref), counts) == pytest.approx(expected, rel=1e-9)
    assert kernel(pred[INDICES], ref[INDICES]) != pytest.approx(expected, rel=1e-3)


def test_too_few_images_have_no_value() -> None:
    grams = Grams.of(features(3, 4), features(3, 4, seed=1))
    assert np.isnan(frechet_distance(grams, np.array([1, 0, 0])))
    assert np.isnan(kernel_distance(grams, np.array([3, 0, 0])))


def test_sets_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="expected pairs"):
        Grams.of(features(3, 4), features(4, 4))


def mean_colour(images: np.ndarray) -> np.ndarray:
    """A tiny real feature: (B, 3)."""
    return images.mean((2, 3))


def test_a_set_metric_sees_the_same_set_however_it_is_cut() -> None:
    rng = np.random.default_rng(14)
    pred, ref = rng.random((2, 10, 3, 8, 8), dtype=np.float32)
    values = []
    for size in (1, 4, 10):
        metric = PairedSets(mean_colour, Distance(frechet_distance, frechet_replicates))
        for start in range(0, 10, size):
            metric.update(pred[start : start + size], ref[start : start + size])
        values.append((metric.result(), metric.result(np.array([0, 9, 9, 4]))))
    assert values[0] == values[1] == values[2]


def test_a_set_metric_goes_on_after_a_result() -> None:
    rng = np.random.default_rng(15)
    pred, ref = rng.random((2, 10, 3, 8, 8), dtype=np.float32)
    metric = PairedSets(mean_colour, Distance(frechet_distance, frechet_replicates))
    metric.update(pred[:5], ref[:5])
    early = metric.result()
    metric.update(pred[5:], ref[5:])
    assert metric.result() == frechet(mean_colour(pred), mean_colour(ref)) != early


def test_a_set_metric_refuses_what_it_can_not_measure() -> None:
    metric = PairedSets(mean_colour, Distance(frechet_distance, frechet_replicates))
    bad = np.full((1, 3, 8, 8), np.inf, np.float32)
    with pytest.raises(ValueError, match="not finite"):
        metric.update(bad, np.zeros_like(bad))
    with pytest.raises(ValueError, match="0 ground truths"):
        metric.update(np.zeros_like(bad), None)
    assert np.isnan(metric.result())


# ---- two sets that are not paired


@pytest.mark.parametrize(("n", "m", "d"), [(200, 120, 16), (40, 25, 64)], ids=["more images than features", "fewer"])
def test_unpaired_frechet_is_pytorch_fids(n: int, m: int, d: int) -> None:
    pred, ref = features(n, d, 0.3), features(m, d, seed=1)
    assert unpaired_frechet_distance(Grams.of_sets(pred, ref), once(n)) == pytest.approx(pytorch_fid(pred, ref), rel=1e-3)


def test_unpaired_frechet_of_paired_sets_is_the_paired_one() -> None:
    grams = Grams.of(features(20, 8, 0.3), features(20, 8, seed=1))
    counts = np.random.default_rng(0).multinomial(20, [1 / 20] * 20)
    assert unpaired_frechet_distance(grams, once(20)) == pytest.approx(frechet_distance(grams, once(20)), rel=1e-9)
    repeated = Grams.of_sets(features(20, 8, 0.3).repeat(counts, 0), features(20, 8, seed=1))
    assert unpaired_frechet_distance(grams, counts) == pytest.approx(unpaired_frechet_distance(repeated, once(20)), rel=1e-9)


def test_unpaired_kernel_distance_pair_by_pair() -> None:
    pred, ref, counts = features(6, 4, 0.3), features(9, 4, seed=1), np.array([2, 0, 1, 1, 3, 1])

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / 4 + 1) ** 3

    drawn = np.repeat(np.arange(6), counts)
    within = np.mean([k(pred[i], pred[j]) for i in drawn for j in drawn if i != j])
    among = np.mean([k(a, b) for i, a in enumerate(ref) for j, b in enumerate(ref) if i != j])
    across = np.mean([k(pred[i], b) for i in drawn for b in ref])
    assert unpaired_kernel_distance(Grams.of_sets(pred, ref), counts) == pytest.approx(within + among - 2 * across, rel=1e-9)


def test_unpaired_kernel_distance_of_one_distribution_is_about_nothing() -> None:
    rng = np.random.default_rng(3)
    values = [unpaired_kernel_distance(Grams.of_sets(rng.normal(size=(30, 8)), rng.normal(size=(50, 8))), once(30)) for _ in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


def test_unpaired_sets_need_clean_faces_and_two_images() -> None:
    metric = UnpairedSets(mean_colour, Distance(unpaired_frechet_distance, unpaired_frechet_replicates))
    faces = np.random.default_rng(0).random((4, 3, 8, 8), dtype=np.float32)
    metric.update(faces[:1])
    assert np.isnan(metric.result())
    metric.update_clean(faces)
    assert np.isnan(metric.result())
    metric.update(faces[1:])
    assert metric.result() == pytest.approx(0, abs=1e-9) and metric.result(np.array([0, 0, 1, 2])) > 0
    with pytest.raises(ValueError, match="not finite"):
        metric.update_clean(np.full((1, 3, 8, 8), np.nan, np.float32))
