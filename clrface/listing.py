"""A user's folder of images: the images with their ids, and the skipped files with the reasons."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clrface.errors import UserError
from clrface.images import image_suffixes, is_image_by_content
from clrface.names import ascii_name, checked_id, natural

OWN_FILES = ("status.csv", "index.csv", "SOURCE.json", "manifest.csv")
"""Files that this project writes beside images; skipped silently."""
SHOWN = 5


class Listing(NamedTuple):
    """The files directly in a folder."""

    images: dict[str, Path]
    """By image_id, the file's stem, in natural order."""
    skipped: dict[str, str]
    """Names of the other files, except hidden ones, and why each is no image."""

    def told(self, most: int = SHOWN) -> str:
        """Return `2 skipped: a.heic (Pillow can't read .heic), old (a folder)`; empty for none."""
        if not self.skipped:
            return ""
        some = [f"{name} ({reason})" for name, reason in list(self.skipped.items())[:most]]
        more = f" and {len(self.skipped) - most} more" if len(self.skipped) > most else ""
        return f"{len(self.skipped)} skipped: {', '.join(some)}{more}"


def list_images(path: Path) -> Listing:
    """List the images directly in a folder, and the skipped files.

    Raises: UserError for a folder that is missing or holds no image, two images of one stem, and a
    name that can't be an id.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"No folder at {folder}. Give the folder of the dataset's images.")
    images: dict[str, Path] = {}
    skipped: dict[str, str] = {}
    for file in _visible(folder):
        reason = _why_no_image(file)
        if reason:
            skipped[ascii_name(file.name)] = reason
            continue
        image_id = checked_id(file.stem, str(folder))
        if image_id in images:
            raise UserError(
                f"{folder} has two images named '{image_id}': {images[image_id].name} and {file.name}. Rename or remove one of the two."
            )
        images[image_id] = file
    listing = Listing(images, skipped)
    if not images:
        said = f" ({listing.told()})" if skipped else ""
        raise UserError(f"Found 0 images in {folder}{said}, but expected at least 1, e.g. as PNG or JPEG. Put them right in it.")
    return listing


@cache
def tell_skipped(folder: Path, told: str) -> None:
    """Print once on stderr which files of a folder are skipped."""
    if told:
        print(f"Note: {folder}: {told}.", file=sys.stderr)


def _visible(folder: Path) -> Iterator[Path]:
    files = sorted(folder.iterdir(), key=lambda file: natural(file.name))
    return (file for file in files if not file.name.startswith(".") and file.name not in OWN_FILES)


def _why_no_image(file: Path) -> str:
    """Return why a file is no image; empty for an image."""
    if file.is_dir():
        return "a folder"
    if not file.exists():
        return "a link to nothing"
    if not file.is_file():
        return "no plain file"
    suffix = file.suffix.lower()
    if suffix in image_suffixes():
        return ""
    if not suffix:
        return "" if is_image_by_content(file) else "no image"
    return f"Pillow can't read {suffix}" if not is_image_by_content(file) else f"an image, but {suffix} is no image's suffix: rename it"
