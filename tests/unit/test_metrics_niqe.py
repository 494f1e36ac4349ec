"""NIQE: scikit-video's value, the fit of a known distribution, and what it makes of faces."""

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFilter

from clrface.images import to_unit
from clrface.metrics import niqe
from clrface.seeds import generator


def values(sources: Path, images: np.ndarray) -> list[float]:
    """NIQE of (B, H, W, 3) uint8 images."""
    metric = niqe.EnlargedNiqe(sources)
    metric.update(to_unit(images), None)
    return [score.value for score in metric.result()]


def test_it_gives_scikit_videos_value(sources: Path) -> None:
    """8.6325 is what skvideo.measure.niqe 1.1.11 gives, in its single precision, for this 512x512 luminance with its borders replicated."""
    assert values(sources, skimage.data.astronaut()[None]) == pytest.approx([8.6325], rel=0.005)


def test_luminance_is_matlabs() -> None:
    """rgb2ycbcr in MATLAB takes black, white and red to 16, 235 and 81.481."""
    colours = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0]], np.float32).T[:, None]
    assert niqe.luminance(colours)[0] == pytest.approx([16, 235, 81.481], abs=1e-4)


def test_the_fit_finds_a_gaussian_and_a_laplacian() -> None:
    """A Gaussian has shape 2 and scale sqrt(2) sigma; a Laplacian shape 1 and scale b, here another one on either side."""
    rng = generator(0, "test niqe")
    shape, mean, left, right = niqe._fit(rng.normal(0, 3, 400_000))
    assert (shape, left, right) == pytest.approx((2, 3 * math.sqrt(2), 3 * math.sqrt(2)), rel=0.02)
    assert mean == pytest.approx(0, abs=0.05)
    sizes = rng.exponential(1, 400_000)
    side = rng.random(400_000) < 2 / 3  # density is continuous at 0 when the sides are drawn in proportion to their scales
    shape, mean, left, right = niqe._fit(np.where(side, 2 * sizes, -sizes))
    assert (shape, left, right) == pytest.approx((1, 1, 2), rel=0.03)
    assert mean == pytest.approx(1, rel=0.03)


def test_a_blocks_features_depend_on_that_block_alone() -> None:
    plane = generator(1, "test niqe").normal(128, 20, (96 * 3, 96 * 3))
    before = niqe.block_features(plane)
    plane[:80, :80] /= 2
    after = niqe.block_features(plane)
    assert before.shape == (9, 32)
    assert np.abs(after[0] - before[0]).max() > 0.01
    np.testing.assert_array_equal(after[1:], before[1:])


def test_noise_and_blur_look_less_natural(sources: Path) -> None:
    sharp = skimage.data.astronaut()
    noisy = np.clip(sharp + generator(2, "test niqe").normal(0, 40, sharp.shape), 0, 255).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(5)))
    clean, noise, blur = values(sources, np.stack([sharp, noisy, blurred]))
    assert clean < noise
    assert clean < blur


def test_every_small_face_has_a_value(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    found = values(sources, np.stack(list(orl_faces.values())))
    assert np.isfinite(found).all()
    assert 10 < min(found) <= max(found) < 40


def test_a_flat_image_fails_with_a_reason(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    face = next(iter(orl_faces.values()))
    half = face.copy()
    half[32:] = 77
    metric = niqe.EnlargedNiqe(sources)
    metric.update(to_unit(np.stack([np.zeros_like(face), np.full_like(face, 200), half, face])), None)
    *flat, good = metric.result()
    assert [score.status for score in flat] == ["flat: a block of the image has no texture to measure"] * 3
    assert good.status == "ok"


def test_a_given_ground_truth_is_not_looked_at(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    face = to_unit(next(iter(orl_faces.values())))[None]
    metric = niqe.EnlargedNiqe(sources)
    metric.update(face, face[:, :, :16, :16])
    metric.update(face, None)
    with_truth, without = metric.result()
    assert with_truth == without
    assert with_truth.status == "ok"
