"""Enlarge a photograph: by Lanczos' filter, or by Real-ESRGAN in tiles."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from clrface.baselines.realesrgan import Restorer

Enlarge = Callable[[np.ndarray, int], np.ndarray]
"""Map (H, W, 3) uint8 or uint16 RGB, and a whole factor, to (factor * H, factor * W, 3) of the same
type.
"""
TILE, OVERLAP = 192, 24
"""Pixels a side of a tile, and by how many the network's input exceeds it on each side, so that no
seam shows.
"""


def lanczos(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Enlarge (H, W, 3) uint8 or uint16 by OpenCV's Lanczos filter over 8x8 pixels; a factor of 1
    gives a copy.
    """
    if factor == 1:
        return pixels.copy()
    return cv2.resize(pixels, (pixels.shape[1] * factor, pixels.shape[0] * factor), interpolation=cv2.INTER_LANCZOS4)


class RealEsrgan:
    """Real-ESRGAN x4plus (Wang et al., ICCVW 2021) over a whole photograph, in tiles: an `Enlarge`
    for factors 1, 2 and 4, reduced (INTER_AREA) from four times the photograph's size.

    It takes seconds a tile on a CPU.

    Args:
        sources: the folder of fetched sources.
        device: cpu, cuda or mps.

    Raises: UserError for weights that are missing or damaged.
    """

    def __init__(self, sources: Path, device: str):
        self._method = Restorer(shrink=1)
        self._method.load(None, device, sources)

    def __call__(self, pixels: np.ndarray, factor: int) -> np.ndarray:
        most, (height, width) = np.iinfo(pixels.dtype).max, pixels.shape[:2]
        large = np.empty((height * factor, width * factor, 3), pixels.dtype)
        tiles = list(_tiles(height, width))
        for top, bottom, left, right in tqdm(tiles, desc="background", unit="tile", leave=False):
            up, before = max(0, top - OVERLAP), max(0, left - OVERLAP)
            seen = pixels[up : bottom + OVERLAP, before : right + OVERLAP].astype(np.float32) / most
            enlarged = self._enlarged(seen, factor)
            inner = enlarged[(top - up) * factor :, (left - before) * factor :][: (bottom - top) * factor, : (right - left) * factor]
            large[top * factor : bottom * factor, left * factor : right * factor] = np.rint(np.clip(inner, 0, 1) * most)
        return large

    def _enlarged(self, seen: np.ndarray, factor: int) -> np.ndarray:
        with torch.no_grad():
            four = self._method.enlarge(torch.from_numpy(seen.transpose(2, 0, 1))[None])[0].numpy().transpose(1, 2, 0)
        size = (seen.shape[1] * factor, seen.shape[0] * factor)
        return four if factor == 4 else cv2.resize(four, size, interpolation=cv2.INTER_AREA)


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Top, bottom, left and right of the tiles that cover the photograph."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield top, min(top + TILE, height), left, min(left + TILE, width)
