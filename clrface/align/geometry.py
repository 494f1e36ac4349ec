"""The geometry of aligned faces: where eyes and mouth lie in a square, and how an image is warped
to it.

Points are (x, y), x to the right and y down, in pixels; the centre of the first pixel is (0, 0). A
share of the side, s, lies at s * size - 0.5. The templates are in clrface.align.templates.
"""

import math

import cv2
import numpy as np
from skimage.transform import SimilarityTransform

from clrface.align.templates import TEMPLATES


def template(size: int, name: str = "utkface") -> np.ndarray:
    """Return a template's three points in a square of `size` pixels, (3, 2): left eye, right eye
    (as seen in the image), mouth centre.

    Raises: KeyError for a name that clrface.align.templates.TEMPLATES lacks.
    """
    return TEMPLATES[name] * size - 0.5


def fit_similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Fit the rotation, scale and shift, without mirroring, that map `points` to `targets` (least
    squares).

    Both are (n, 2) in pixels; returns a (2, 3) matrix that maps source to target. Umeyama 1991, by
    scikit-image.

    Raises: ValueError for points that coincide.
    """
    found = SimilarityTransform.from_estimate(points, targets)
    if not found:
        raise ValueError(f"No similarity transform brings {points.tolist()} to {targets.tolist()}.")
    return np.asarray(found.params)[:2]


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map (n, 2) points by a (2, 3) matrix to (n, 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(rgb: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Cut a square, (size, size, 3), out of `rgb`, (H, W, 3) uint8 or uint16; the type stays.

    `matrix`, (2, 3), is the similarity that maps the source to the square. Beyond its edges the
    image is mirrored. Against aliasing, the warp (bicubic) goes to the
    smallest whole multiple of `size` that shrinks nothing. The mean over each block (INTER_AREA)
    then reduces it.
    """
    factor = max(1, math.ceil(1 / np.hypot(matrix[0, 0], matrix[1, 0]) - 1e-6))
    finer = matrix * factor
    finer[:, 2] += (factor - 1) / 2  # the block's centre, not its corner, is the pixel's centre
    side = size * factor
    large = cv2.warpAffine(rgb, finer, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return large if factor == 1 else cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def align(rgb: np.ndarray, points: np.ndarray, size: int, name: str = "utkface") -> np.ndarray:
    """Warp `rgb`, (H, W, 3) uint8, so that its three `points`, (3, 2), match a template.

    Returns: (size, size, 3) uint8.

    Raises: as `fit_similarity` and `template`.
    """
    return warp(rgb, fit_similarity(points, template(size, name)), size)
