"""A photograph, noise, and a metric's value for one pair of images."""

from pathlib import Path

import numpy as np
import skimage.data

from clrface.images import to_unit
from clrface.metrics.registry import load_metric
from clrface.seeds import generator


def photograph(side: int, left: int = 150) -> np.ndarray:
    """A part of a colour photograph with a face in it, (side, side, 3) uint8."""
    return skimage.data.astronaut()[:side, left : left + side]


def noisy(image: np.ndarray, deviation: float = 12) -> np.ndarray:
    noise = generator(0, "test official").normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def value(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray) -> float:
    """An image metric's value for one pair of (H, W, 3) uint8."""
    metric = load_metric(name, sources)
    metric.update(to_unit(pred[None]), to_unit(ref[None]))
    (score,) = metric.result()  # pyright: ignore
    assert score.status == "ok", score.status
    return score.value
