"""The field's NIQE: the fits by hand, and what BasicSR and VQFR give."""

import math
import platform
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from clrface.images import to_unit
from clrface.metrics import niqe_features
from clrface.metrics.registry import load_metric
from tests.unit.metric_values import photograph, value


def test_halving_keeps_a_constant_and_a_slope_as_matlab_does() -> None:
    np.testing.assert_allclose(niqe_features.halved(np.full((8, 8), 3.0)), 3)
    slope = np.arange(16.0)[None].repeat(16, 0)
    np.testing.assert_allclose(niqe_features.halved(slope)[0, 2:-2], np.arange(16)[4:-4:2] + 0.5)


def test_the_fit_of_plain_values_by_hand() -> None:
    """-2 and 1 alike: left 2, right 1; the mean of |x| squared over that of x squared is 0.9; skew 2: 0.9 x 9 x 3 / 25 = 0.972."""
    shape, left, right = niqe_features._fit(np.array([-2.0, 1.0, 0.0, 0.0])[:2])
    assert left / right == pytest.approx(2)
    ratio = 0.9 * 9 * 3 / 25
    place = int(np.argmin((niqe_features.RATIOS - ratio) ** 2))
    assert shape == niqe_features.SHAPES[place]
    assert right == pytest.approx(math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape)))


def test_the_fit_of_a_flat_block_is_basicsrs() -> None:
    """No value on a side: no scale there, and the first shape that there is."""
    shape, left, right = niqe_features._fit(np.zeros(4))
    assert shape == 0.2 and math.isnan(left) and math.isnan(right)
    shape, left, right = niqe_features._fit(np.array([1.0, 3.0]))
    assert shape == 0.2 and math.isnan(left)
    assert right == pytest.approx(math.sqrt(5 * math.gamma(5) / math.gamma(15)))


def test_niqe_of_a_photograph(sources: Path) -> None:
    """What BasicSR 1.4.4's calculate_niqe gives, and pyiqa 0.1.16's niqe with the same parameters (benchmarks/parity.py)."""
    image = skimage.data.astronaut()
    assert value("niqe_official", sources, image, image) == pytest.approx(3.06495, abs=1e-5)
    assert value("niqe_yiq", sources, image, image) == pytest.approx(3.062388, abs=1e-6)


ROW, COLUMN = np.mgrid[:512, :512]
FLAT = [
    ((ROW - 256) ** 2 + (COLUMN - 256) ** 2 > 200**2, (3.5240, 3.4361, 3.4369)),
    (COLUMN < 256, (6.3847, 6.5022, 6.3004)),
    (ROW < 192, (9.4542, 9.4625, 6.6138)),
    ((ROW < 96) & (COLUMN < 96), (3.3225, 3.3220, 3.0619)),
    ((ROW < 100) & (COLUMN < 100), (3.2707, 3.2628, 3.2595)),
    (ROW + COLUMN < 200, (3.0917, 3.0919, 3.1030)),
]
"""What VQFR's script gives for `astronaut` with a region in black, in white and in (135, 133, 132)."""


@pytest.mark.parametrize(("region", "expected"), FLAT)
def test_niqe_of_flat_areas_is_vqfrs(region: np.ndarray, expected: tuple[float, float, float], sources: Path) -> None:
    images = np.stack([skimage.data.astronaut()] * 3)
    for image, colour in zip(images, [(0, 0, 0), (255, 255, 255), (135, 133, 132)], strict=True):
        image[region] = colour
    metric = load_metric("niqe_official", sources)
    metric.update(to_unit(images), None)
    black, white, grey = (score.value for score in metric.result())  # pyright: ignore
    assert (black, white) == pytest.approx(expected[:2], abs=1e-4)
    # Grey's last bit, and so its features, is that of torch's matrix-vector product: VQFR's on this kind of machine.
    assert grey == pytest.approx(expected[2], abs=1e-4 if platform.machine() in ("x86_64", "AMD64") else 0.25)


@pytest.mark.parametrize(("height", "width", "expected"), [(96, 288, 17.062359), (288, 96, 13.195512)])
def test_niqe_of_the_smallest_images_is_vqfrs(height: int, width: int, expected: float, sources: Path) -> None:
    """Three blocks, the first of them white: two are left for the covariance."""
    image = skimage.data.astronaut()[:height, :width].copy()
    image[:96, :96] = 255
    assert value("niqe_official", sources, image, image) == pytest.approx(expected, abs=1e-5)


def test_yiq_luminance_of_pure_colours() -> None:
    pure = np.eye(3, dtype=np.float32)[:, :, None]
    assert niqe_features.yiq_luminance(pure)[:, 0].tolist() == [76, 150, 29]


def test_niqe_of_small_and_flat_images_says_why(sources: Path) -> None:
    metric = load_metric("niqe_official", sources)
    metric.update(to_unit(photograph(128)[None]), None)
    metric.update(to_unit(np.full((1, 192, 192, 3), 7, np.uint8)), None)
    small, flat = metric.result()  # pyright: ignore
    assert small.status == "too small: NIQE needs two whole blocks of 96 pixels"
    assert flat.status.startswith("flat: fewer than two blocks")
