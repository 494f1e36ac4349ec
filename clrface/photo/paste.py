"""Cut a face out of a photograph, and put the restored one back: warps and a feathered mask, in 8
or 16 bits.
"""

import cv2
import numpy as np

from clrface.align.geometry import warp

INNER, OUTER = 0.70, 0.98
"""The mask is 1 within the first, and 0 beyond the second, in shares of half the square's side
along an axis.
"""
ROUNDNESS = 4
"""The mask's exponent: 2 is an ellipse, infinity the square."""
TONE_SHARE = 1 / 8
"""Standard deviation, as a share of the side, of the blur below which tones are made to agree
towards the mask's edge.
"""


def face_px(matrix: np.ndarray, size: int) -> float:
    """Return the side, in the photograph's pixels, of the square that `matrix` maps to `size` pixels.

    Args:
        matrix: (2, 3), a similarity.
    """
    return size / float(np.hypot(matrix[0, 0], matrix[1, 0]))


def cut(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Cut the square that `matrix` maps to `size` pixels out of (H, W, 3) uint8 or uint16 `pixels`.

    Args:
        matrix: (2, 3), a similarity.

    Returns: (size, size, 3) float32 in [0, 1]. Beyond its edges the photograph is mirrored.
    """
    return warp(pixels, matrix, size).astype(np.float32) / np.iinfo(pixels.dtype).max


def paste(pixels: np.ndarray, restored: np.ndarray, matrix: np.ndarray) -> None:
    """Put a restored square back into `pixels`, (H, W, 3) uint8 or uint16, in place.

    The square's tones follow the photograph's towards its edge, where the mask is feathered: no
    seam is left. Pixels beyond the mask keep their values to the bit.

    Args:
        restored: (S, S, 3) float32 RGB in [0, 1].
        matrix: (2, 3), the similarity that maps the photograph to the square. A square outside of
            the photograph changes nothing.
    """
    size = restored.shape[0]
    left, top, right, bottom = _box(matrix, size, pixels.shape)
    if right <= left or bottom <= top:
        return
    agreeing = _agree(restored, cut(pixels, matrix, size))
    square, back = _antialiased(np.dstack([agreeing, mask(size)]), matrix)
    back[:, 2] -= left, top
    flags = cv2.INTER_LINEAR if square.shape[0] < size else cv2.INTER_CUBIC
    there = cv2.warpAffine(square, back, (right - left, bottom - top), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    share = np.clip(there[..., 3:], 0, 1)
    colour = cv2.warpAffine(square[..., :3], back, (right - left, bottom - top), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    most = np.iinfo(pixels.dtype).max
    region = pixels[top:bottom, left:right]
    mixed = share * np.clip(colour, 0, 1) * most + (1 - share) * region
    region[...] = np.where(share > 0, np.rint(mixed), region).astype(pixels.dtype)


def mask(size: int) -> np.ndarray:
    """Return the share of the restored square in the result, (size, size) float32 in [0, 1]: 1 in
    the middle, falling smoothly to 0 at the edge.
    """
    return _smooth_fall(_distance(size), INNER, OUTER)


def _distance(size: int) -> np.ndarray:
    """From the middle: 0 there, 1 at the edges' middles."""
    along = np.abs(np.linspace(-1, 1, size, dtype=np.float32)) ** ROUNDNESS
    return (along[:, None] + along[None, :]) ** (1 / ROUNDNESS)


def _smooth_fall(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 up to `start`, 0 from `end` on, with no corner between."""
    t = np.clip((end - x) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def _agree(restored: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The restored square with the photograph's own tones (its low frequencies) towards the edge."""
    size = restored.shape[0]
    tones = cv2.GaussianBlur(before - restored, (0, 0), TONE_SHARE * size, borderType=cv2.BORDER_REFLECT_101)
    return restored + (1 - _smooth_fall(_distance(size), 0.3, OUTER))[..., None] * tones


def _antialiased(square: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square, reduced where it is finer than the photograph, and the (2, 3) matrix from it to
    the photograph.
    """
    size = square.shape[0]
    smaller = min(size, max(1, round(face_px(matrix, size))))
    shrink = smaller / size
    forward = matrix * shrink
    forward[:, 2] += (shrink - 1) / 2  # pixels' centres, not their corners
    return cv2.resize(square, (smaller, smaller), interpolation=cv2.INTER_AREA) if smaller < size else square, cv2.invertAffineTransform(
        forward
    )


def _box(matrix: np.ndarray, size: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The part of the photograph that the square covers: left, top, right, bottom."""
    corners = np.array([(-0.5, -0.5), (size - 0.5, -0.5), (-0.5, size - 0.5), (size - 0.5, size - 0.5)])
    back = cv2.invertAffineTransform(matrix)
    there = corners @ back[:, :2].T + back[:, 2]
    left, top = np.floor(there.min(0)).astype(int)
    right, bottom = np.ceil(there.max(0)).astype(int) + 1
    return max(0, left), max(0, top), min(shape[1], right), min(shape[0], bottom)
