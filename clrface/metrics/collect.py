"""What all image metrics share: which images can be measured, and how scores are kept.

An image that can't be measured keeps its place, with the reason. It is never dropped, and never
stops a run.
"""

import math
from collections.abc import Sequence

import numpy as np

from clrface.api import Score


def problem(pred: np.ndarray, ref: np.ndarray | None) -> str | None:
    """Say why an image can't be measured; None when it can.

    Args:
        pred: the image, (3, H, W).
        ref: its reference, (3, H, W); None without ground truth.
    """
    if pred.ndim != 3 or pred.shape[0] != 3:
        return f"wrong shape: found {_size(pred)}, expected 3 channels"
    if ref is not None and pred.shape != ref.shape:
        return f"wrong shape: found {_size(pred)}, ground truth has {_size(ref)}"
    if not np.isfinite(pred).all():
        return "not finite: the image has NaN or infinite pixels"
    return None


class ImageScores:
    """Base of the metrics with one value an image.

    A subclass defines `measure` for valid images.
    """

    needs_reference = True
    """False for a metric that ignores the ground truth.

    `measure` then gets the images themselves as `ref`.
    """

    def __init__(self) -> None:
        self._scores: list[Score] = []

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> Sequence[float | Score]:
        """Return one value for each image; a Score where one fails.

        Args:
            pred, ref: (B, 3, H, W), B at least 1, finite and paired.
        """
        raise NotImplementedError

    def update(self, pred: np.ndarray, ref: np.ndarray | None) -> None:
        """Take a batch, both (B, 3, H, W) float32 RGB in [0, 1]; see `clrface.api.ImageMetric`.

        Raises: ValueError for a missing reference, or one with another number of images.
        """
        truth = ref if self.needs_reference else pred
        if truth is None or len(truth) != len(pred):
            raise ValueError(f"Found {len(pred)} images, but {0 if truth is None else len(truth)} ground truths.")
        problems = [problem(p, r) for p, r in zip(pred, truth, strict=True)]
        good = [place for place, reason in enumerate(problems) if reason is None]
        if len(good) < len(pred):  # copies: only where some are left out
            pred, truth = pred[good], truth[good]
        values = iter(self.measure(pred, truth) if good else ())
        self._scores += [_score(next(values)) if reason is None else Score(math.nan, reason) for reason in problems]

    def result(self) -> list[Score]:
        """Return one score for each image taken so far, in the order of the updates."""
        return list(self._scores)


def _score(value: float | Score) -> Score:
    if isinstance(value, Score):
        return value
    return Score(math.nan, "not a number: the metric has no value for this image") if math.isnan(value) else Score(float(value))


def _size(image: np.ndarray) -> str:
    return "x".join(str(side) for side in image.shape)
