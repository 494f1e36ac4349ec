"""A photograph, noise, and a metric's value for one pair of images."""

from pathlib import Path

import numpy as np
import skimage.data

from clrface.images import to_unit, write_png
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


def write_pairs(folder: Path, height: int = 256, width: int = 256) -> tuple[Path, Path]:
    """Three pairs of at most 256x256 in `restored` and `truth`: noisy and darker; in blocks; and all but equal."""
    truths = photograph(256), photograph(256, 0), skimage.data.astronaut()[256:, 100:356]
    equal = truths[2].copy()
    equal[100:104, 100:104] ^= 16
    restored = (noisy(truths[0]) * 0.9 + 8).astype(np.uint8), truths[1][::4, ::4].repeat(4, 0).repeat(4, 1), equal
    for name, pair in zip("abc", zip(restored, truths, strict=True), strict=True):
        for kind, image in zip(("restored", "truth"), pair, strict=True):
            write_png(folder / kind / f"{name}.png", image[:height, :width])
    return folder / "restored", folder / "truth"
