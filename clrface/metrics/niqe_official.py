"""NIQE (Mittal, Soundararajan and Bovik, IEEE Signal Processing Letters 2013) with its authors' parameters, as VQFR's script reckons it.

BasicSR's definition, which reproduces MATLAB's: luminance rounded to whole numbers, blocks of 96 px at two scales, borders replicated,
MATLAB's resize between the scales, 36 features, blocks without texture left out. `niqe` differs in all but the blocks and the borders.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import convolve, correlate1d
from scipy.special import gamma

from clrface.api import Score
from clrface.metrics.collect import ImageScores
from clrface.metrics.niqe import LUMA, moment_ratios
from clrface.metrics.source import source_file

CARD = {
    "id": "niqe_official",
    "label": "NIQE",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": False,
    "decimals": 3,
    "source": "Mittal et al., IEEE SPL 2013, with BasicSR's niqe_pris_params.npz; github.com/TencentARC/VQFR, calculate_niqe.py",
    "sources": ("niqe_official",),
}

BLOCK_PX = 96
LEAST_BLOCKS = 2
SHAPES = np.arange(0.2, 10.001, 0.001)
RATIOS = moment_ratios(SHAPES)
DISTANCES = np.array([0.25, 0.75, 1.25, 1.75])
"""Of the pixels on one side from the middle of a pixel of half the size, in its own pixels."""


class Pristine(NamedTuple):
    """The Gaussian of good photographs' features, (36,) and (36, 36), and the window (7, 7) of the local means."""

    mean: np.ndarray
    covariance: np.ndarray
    window: np.ndarray


def matlab_luminance(image: np.ndarray) -> np.ndarray:
    """Y of YCbCr in whole numbers of [16, 235], (H, W) float32, of (3, H, W) RGB in [0, 1].

    In BasicSR's precision: single from here on, in which a flat region's local mean is the region's value, and its features are 0.
    """
    scaled = (np.tensordot(LUMA, image.astype(np.float64), axes=1) + 16) / 255
    return (scaled.astype(np.float32) * np.float32(255)).round()


class Metric(ImageScores):
    """Lower is more like a good photograph, about 2 to 20; needs no ground truth."""

    needs_reference = False
    luminance: Callable[[np.ndarray], np.ndarray] = staticmethod(matlab_luminance)
    """(3, H, W) RGB in [0, 1] to whole numbers (H, W)."""

    def __init__(self, sources: Path):
        super().__init__()
        with np.load(source_file(sources, "niqe_official/niqe_pris_params.npz")) as stored:
            self._pristine = Pristine(stored["mu_pris_param"].ravel(), stored["cov_pris_param"], stored["gaussian_window"])

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) images to distances, at their own size; one without two whole blocks of 96 px fails, and one without texture."""
        height, width = (side // BLOCK_PX for side in pred.shape[2:])
        if height * width < LEAST_BLOCKS:
            return [Score(np.nan, f"too small: NIQE needs two whole blocks of {BLOCK_PX} pixels")] * len(pred)
        return [self._of_one(self.luminance(image)) for image in pred]

    def _of_one(self, plane: np.ndarray) -> float | Score:
        features = block_features(plane, self._pristine.window)
        whole = features[~np.isnan(features).any(1)]
        if len(whole) < LEAST_BLOCKS:
            return Score(np.nan, "flat: fewer than two blocks of the image have a texture to measure")
        gap = np.nanmean(features, 0) - self._pristine.mean
        covariance = (self._pristine.covariance + np.cov(whole, rowvar=False)) / 2
        return float(np.sqrt(gap @ np.linalg.pinv(covariance) @ gap))


def block_features(plane: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(blocks, 36) features of (H, W) luminance: 18 of each whole block, 18 of the same block at half the size. NaN where it is flat."""
    height, width = (side - side % BLOCK_PX for side in plane.shape)
    plane = plane[:height, :width]
    return np.hstack([_features_at(plane, window, BLOCK_PX), _features_at(halved(plane), window, BLOCK_PX // 2)])


def halved(plane: np.ndarray) -> np.ndarray:
    """MATLAB's imresize by 0.5, of even sides: bicubic (a = -0.5), widened against aliasing, the border mirrored."""
    near, far = 1.5 * DISTANCES**3 - 2.5 * DISTANCES**2 + 1, -0.5 * DISTANCES**3 + 2.5 * DISTANCES**2 - 4 * DISTANCES + 2
    half = np.where(DISTANCES < 1, near, far)
    kernel = np.concatenate([half[::-1], half])
    kernel /= kernel.sum()
    for axis in (0, 1):
        filtered = correlate1d(plane, kernel, axis=axis, mode="reflect", origin=-1)
        plane = filtered.take(range(0, filtered.shape[axis], 2), axis=axis)
    return plane


def _features_at(plane: np.ndarray, window: np.ndarray, block_px: int) -> np.ndarray:
    mean = convolve(plane, window, mode="nearest")
    deviation = np.sqrt(np.abs(convolve(plane**2, window, mode="nearest") - mean**2))
    normalised = (plane - mean) / (deviation + 1)
    rows, columns = (side // block_px for side in plane.shape)
    blocks = normalised.reshape(rows, block_px, columns, block_px).swapaxes(1, 2).reshape(-1, block_px, block_px)
    return np.array([_of_block(block) for block in blocks])


def _of_block(block: np.ndarray) -> list[float]:
    """18 features: shape and scale of the block, then shape, mean and both scales of its products with four neighbours."""
    shape, left, right = _fit(block)
    features = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = _fit(block * np.roll(block, shift, (0, 1)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def _fit(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right scale of the asymmetric generalised Gaussian with these moments; NaN without values on both sides of 0."""
    below, above = values[values < 0], values[values > 0]
    if not below.size or not above.size:
        return np.nan, np.nan, np.nan
    left, right = (np.sqrt((side**2).mean()) for side in (below, above))
    skew = left / right
    ratio = np.abs(values).mean() ** 2 / (values**2).mean() * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = SHAPES[np.argmin((RATIOS - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale
