"""The page's images: each embedded once, as a data URI, for all its uses."""

import base64
import io
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from clrface.images import read_rgb
from clrface.report.samples import find_cells

EXACT_PX = 128
"""Up to this side an image keeps every pixel (PNG); a larger one is a JPEG."""
SIDES = ((120, 384), (300, 256))
"""(number of images, largest side in pixels), so that the page stays at a few MB."""
SMALLEST_SIDE = 192


class Gallery:
    """Images by key, and for those that failed the reason."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self.reasons: dict[str, str] = {}

    def add(self, prefix: str, folder: Path, image_ids: Sequence[str], chunks: Collection[str]) -> None:
        """Take the images of one column under the keys `<prefix>/<image_id>`.

        Raises: UserError as `find_cells` does.
        """
        for image_id, cell in zip(image_ids, find_cells(folder, image_ids, chunks), strict=True):
            key = f"{prefix}/{image_id}"
            if isinstance(cell, Path):
                self._paths[key] = cell
            else:
                self.reasons[key] = cell

    def data_uris(self) -> dict[str, str]:
        """Every image, reduced where there are many large ones."""
        side = next((side for most, side in SIDES if len(self._paths) <= most), SMALLEST_SIDE)
        return {key: data_uri(read_rgb(path), side) for key, path in self._paths.items()}


def data_uri(rgb: np.ndarray, side: int) -> str:
    """(H, W, 3) uint8 RGB as a `data:` address: exact up to 128 px, else a JPEG of at most `side`
    px.
    """
    image = Image.fromarray(rgb)
    if max(image.size) <= EXACT_PX:
        grey = (rgb == rgb[..., :1]).all()
        return _encoded(image.convert("L") if grey else image, "PNG", optimize=True)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _encoded(image, "JPEG", quality=88, subsampling=0)


def file_uri(path: Path) -> str:
    """A PNG file as it is."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> str:
    content = io.BytesIO()
    image.save(content, format=kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
