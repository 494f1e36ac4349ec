"""Read and check a dataset's raw images, and resize those that are aligned already."""

from pathlib import Path

import numpy as np

from clrface.align.geometry import warp
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import check_square, read_rgb
from clrface.manifest import Entry


def to_size(rgb: np.ndarray, size: int, path: Path) -> np.ndarray:
    """Resize a square image, (S, S, 3) uint8, to (size, size, 3), if it has another size.

    Args:
        path: the file that the error names.

    Raises: UserError for an image that isn't square.
    """
    check_square(rgb, path, "Crop it, or let it be aligned: remove `align: false` from the dataset's entry in the config.")
    width = rgb.shape[1]
    return rgb if width == size else warp(rgb, np.array([[size / width, 0, 0], [0, size / width, 0]]), size)


def read_raw(entry: Entry, raw_folder: Path) -> np.ndarray:
    """Read the entry's image as (H, W, 3) uint8 RGB.

    Raises: UserError for a file that is missing, truncated, or has another checksum than the
    manifest's.
    """
    path = Path(raw_folder) / entry.file
    rgb = read_rgb(path)
    found = sha256_file(path)
    if found != entry.sha256:
        raise UserError(f"{path} is altered: found sha256 {found}, but the manifest says {entry.sha256}. Fetch the source again.")
    return rgb
