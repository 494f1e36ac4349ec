"""The features of NIQE as in its authors' release, by BasicSR's arithmetic, which reproduces
MATLAB's.

Luminance rounded to whole numbers, blocks of 96 px at two scales, borders replicated, MATLAB's
resize between the scales, 36 features.
"""

import numpy as np
from scipy.ndimage import convolve, correlate1d
from scipy.special import gamma

BLOCK_PX = 96
LUMA = np.array([65.481, 128.553, 24.966])
"""Weights of R, G, B in [0, 1] in MATLAB's Y of YCbCr, which starts at 16."""
YIQ_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
DISTANCES = np.array([0.25, 0.75, 1.25, 1.75])
"""Distances of the pixels on one side from the middle of a pixel of half the size, in original
pixels.
"""


def moment_ratios(shapes: np.ndarray) -> np.ndarray:
    """Return E[|x|]^2 / E[x^2] of a generalised Gaussian of each shape parameter, (n,) to (n,), by
    which a sample's shape is looked up.
    """
    return gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


SHAPES = np.arange(0.2, 10.001, 0.001)
RATIOS = moment_ratios(SHAPES)


def matlab_luminance(image: np.ndarray) -> np.ndarray:
    """Return Y of YCbCr, (H, W) float32, whole numbers in [16, 235], of (3, H, W) RGB in [0, 1].

    As in BasicSR, all that follows is in single precision. There a flat region's local mean equals
    its value, and its features are 0.
    """
    scaled = (np.tensordot(LUMA, image.astype(np.float64), axes=1) + 16) / 255
    return (scaled.astype(np.float32) * np.float32(255)).round()


def yiq_luminance(image: np.ndarray) -> np.ndarray:
    """Return Y of YIQ, (H, W) float64, whole numbers in [0, 255], of (3, H, W) RGB in [0, 1].

    The weighted sum is in single precision, red first. Both decide how ties are rounded, so no
    library's order of addition may.
    """
    red, green, blue = (weight * plane for weight, plane in zip(YIQ_WEIGHTS, image.astype(np.float32), strict=True))
    return ((red + green + blue) * np.float32(255)).round().astype(np.float64)


def gaussian_window() -> np.ndarray:
    """Return the (7, 7) Gaussian of sigma 7/6 and sum 1, in single precision."""
    squares = np.arange(-3, 4) ** 2
    window = np.exp(-(squares[:, None] + squares) / (2 * (7 / 6) ** 2))
    return (window / window.sum()).astype(np.float32).astype(np.float64)


def block_features(plane: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the features, (blocks, 36), of (H, W) luminance.

    18 are of each whole block, and 18 of the same block at half the size. A flat block's scales and
    means are NaN. Its shapes are the least in the table.
    """
    height, width = (side - side % BLOCK_PX for side in plane.shape)
    plane = plane[:height, :width]
    half = halved(plane / plane.dtype.type(255)) * plane.dtype.type(255)
    return np.hstack([_features_at(plane, window, BLOCK_PX), _features_at(half, window, BLOCK_PX // 2)])


def halved(plane: np.ndarray) -> np.ndarray:
    """Halve a plane, (H, W) of even sides, as MATLAB's imresize does: bicubic (a = -0.5),
    antialiased, border mirrored.

    The result has the plane's precision. In single precision it equals BasicSR's to the last bit,
    which decides whether a flat region stays flat.
    """
    near, far = 1.5 * DISTANCES**3 - 2.5 * DISTANCES**2 + 1, -0.5 * DISTANCES**3 + 2.5 * DISTANCES**2 - 4 * DISTANCES + 2
    half = np.where(DISTANCES < 1, near, far)
    kernel = np.concatenate([half[::-1], half]) / 2
    if plane.dtype == np.float32:
        return _halved_single(plane, kernel.astype(np.float32))
    for axis in (0, 1):
        filtered = correlate1d(plane, kernel, axis=axis, mode="reflect", origin=-1)
        plane = filtered.take(range(0, filtered.shape[axis], 2), axis=axis)
    return plane


def _halved_single(plane: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Halve by one matrix-vector product an output row, then one an output column.

    BasicSR calls torch in this way, and the last bit of a sum depends on the library.
    """
    import torch  # here: the other definitions start without it

    weights = torch.from_numpy(kernel)
    rows = torch.from_numpy(np.pad(plane, ((3, 3), (0, 0)), mode="symmetric"))
    plane = np.stack([rows[top : top + 8].T.mv(weights).numpy() for top in range(0, len(plane), 2)])
    columns = torch.from_numpy(np.pad(plane, ((0, 0), (3, 3)), mode="symmetric"))
    return np.stack([columns[:, left : left + 8].mv(weights).numpy() for left in range(0, plane.shape[1], 2)], 1)


def _features_at(plane: np.ndarray, window: np.ndarray, block_px: int) -> np.ndarray:
    mean = convolve(plane, window, mode="nearest")
    deviation = np.sqrt(np.abs(convolve(plane**2, window, mode="nearest") - mean**2))
    normalised = (plane - mean) / (deviation + 1)
    rows, columns = (side // block_px for side in plane.shape)
    blocks = normalised.reshape(rows, block_px, columns, block_px).swapaxes(1, 2).reshape(-1, block_px, block_px)
    return np.array([_of_block(block) for block in blocks])


def _of_block(block: np.ndarray) -> list[float]:
    """Return 18 features of a block: its shape and scale, then shape, mean and both scales of its
    products with four neighbours.
    """
    shape, left, right = _fit(block)
    features = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = _fit(block * np.roll(block, shift, (0, 1)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def _fit(values: np.ndarray) -> tuple[float, float, float]:
    """Fit an asymmetric generalised Gaussian by moments: shape, left and right scale.

    A side without values has no scale (NaN). The ratio by which the shape is looked up is then NaN
    too, which gives the first shape, 0.2, as in BasicSR.
    """
    with np.errstate(invalid="ignore"):
        left, right = (np.sqrt(np.square(side).mean()) if side.size else np.nan for side in (values[values < 0], values[values > 0]))
        skew = left / right
        ratio = np.abs(values).mean() ** 2 / np.square(values).mean() * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
        shape = SHAPES[np.argmin((RATIOS - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale
