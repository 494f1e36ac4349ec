"""Pictures on disk and in memory: PNG, 8 bit, RGB."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from clrface.errors import UserError
from clrface.files import atomic_path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".bmp", ".webp", ".tif", ".tiff")


def read_rgb(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB; grey becomes three equal channels.

    Raises: UserError for a file that is missing, truncated or no picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"No image at {path}. Expected a picture there: run the step that makes it, or correct the path.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"Can't read {path} as an image ({error}). It is truncated or not a picture: "
            "replace it with a good copy, or remove it from its folder."
        ) from error


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG, whole or not at all."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"Expected (H, W, 3) uint8, found {rgb.shape} {rgb.dtype}.")
    with atomic_path(Path(path)) as temporary:
        Image.fromarray(rgb).save(temporary, format="PNG")


def to_unit(rgb: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 in [0, 255] to (..., 3, H, W) float32 in [0, 1]."""
    return np.moveaxis(rgb, -1, -3).astype(np.float32) / 255.0


def to_bytes(unit: np.ndarray) -> np.ndarray:
    """(..., 3, H, W) float in [0, 1], clipped and rounded, to (..., H, W, 3) uint8."""
    return np.rint(np.moveaxis(np.clip(unit, 0.0, 1.0), -3, -1) * 255.0).astype(np.uint8)
