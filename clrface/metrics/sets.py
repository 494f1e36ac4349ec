"""Metrics with one value for a set of images: they gather features, and compute a distance of them.

The distances are in clrface.metrics.distances, their bootstrap replicates in
clrface.metrics.replicates.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clrface.errors import UserError
from clrface.metrics.collect import problem
from clrface.metrics.distances import Gaps, Grams, Statistics, frechet_distance_to_gaussian
from clrface.metrics.replicates import frechet_replicates_to_gaussian


class Distance(NamedTuple):
    """A distance of two sets from their inner products.

    `value` takes (n,) how many times each image is taken; `replicates` takes (n_boot, n) and returns
    (n_boot,). Both are multiplied by `scale`.
    """

    value: Callable[[Grams, np.ndarray], float]
    replicates: Callable[[Grams, np.ndarray], np.ndarray]
    scale: float = 1


class PairedSets:
    """Base of the metrics with one value a set.

    It gathers both sets' features, and computes a distance from their inner products.
    """

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], distance: Distance):
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
        return float("nan") if n == 0 else self._distance.scale * self._distance.value(self._products(), _counts(n, indices))

    def replicates(self, counts: np.ndarray) -> np.ndarray:
        """Return the distance of each resample, (n_boot,).

        Args:
            counts: (n_boot, n) how many times each resample takes each image.
        """
        return self._distance.scale * self._distance.replicates(self._products(), counts)

    def _products(self) -> Grams:
        if self._grams is None:
            self._grams = Grams.of(np.concatenate(self._pred), np.concatenate(self._ref))
        return self._grams


class UnpairedSets:
    """Base of the metrics that compare a restored set with other, clean faces; see `PairedSets`."""

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], distance: Distance):
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
        """Take a batch of the clean faces, (B, 3, H, W) float32 RGB in [0, 1]; see `update`."""
        self._take("clean", faces)

    def result(self, indices: np.ndarray | None = None) -> float:
        """Return the distance from all clean faces; NaN for too few images.

        Args:
            indices: (m,) places of restored images, with repeats; None for all of them.
        """
        n = sum(len(batch) for batch in self._sets["pred"])
        if n == 0 or not self._sets["clean"]:
            return float("nan")
        return self._distance.scale * self._distance.value(self._products(), _counts(n, indices))

    def replicates(self, counts: np.ndarray) -> np.ndarray:
        """Return the distance of each resample of restored images, (n_boot, n) `counts` to
        (n_boot,); see `PairedSets.replicates`.
        """
        return self._distance.scale * self._distance.replicates(self._products(), counts)

    def _products(self) -> Grams:
        if self._grams is None:
            self._grams = Grams.of_sets(*(np.concatenate(batches) for batches in self._sets.values()))
        return self._grams

    def _take(self, which: str, images: np.ndarray) -> None:
        reasons = [reason for reason in (problem(image, None) for image in images) if reason]
        if reasons:
            raise ValueError(f"Image that can't be measured in a set: {reasons[0]}.")
        self._sets[which].append(self._features(images))
        self._grams = None


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
    """

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], statistics: Statistics):
        self._features = features
        self._statistics = statistics
        self._taken: list[np.ndarray] = []
        self._gaps: Gaps | None = None

    def update(self, pred: np.ndarray, ref: np.ndarray | None = None) -> None:
        """Take a batch of restored images, (B, 3, H, W) float32 RGB in [0, 1]; `ref` is ignored.

        Raises: ValueError for an image that can't be measured (see `collect.problem`).
        """
        reasons = [reason for reason in (problem(image, None) for image in pred) if reason]
        if reasons:
            raise ValueError(f"Image that can't be measured in a set: {reasons[0]}.")
        self._taken.append(self._features(pred))
        self._gaps = None

    def result(self, indices: np.ndarray | None = None) -> float:
        """Return the distance; NaN for fewer than two images.

        Args:
            indices: (m,) places of images, with repeats; None for all images.
        """
        n = sum(len(batch) for batch in self._taken)
        return float("nan") if n == 0 else frechet_distance_to_gaussian(self._products(), _counts(n, indices))

    def replicates(self, counts: np.ndarray) -> np.ndarray:
        """Return the distance of each resample, (n_boot, n) `counts` to (n_boot,); see
        `PairedSets.replicates`.
        """
        return frechet_replicates_to_gaussian(self._products(), counts)

    def _products(self) -> Gaps:
        if self._gaps is None:
            self._gaps = Gaps.of(np.concatenate(self._taken), self._statistics)
        return self._gaps


def _counts(n: int, indices: np.ndarray | None) -> np.ndarray:
    """Return how many times each of `n` images is taken; all once without `indices`."""
    return np.ones(n) if indices is None else np.bincount(indices, minlength=n)
