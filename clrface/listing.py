"""A user's folder of images: which files are images, under which id, and which files are passed over and why."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clrface.errors import UserError
from clrface.images import image_suffixes, is_image_by_content
from clrface.names import ascii_name, checked_id, natural

OWN_FILES = ("status.csv", "index.csv", "SOURCE.json", "manifest.csv")
"""What our own steps write beside images; not worth a word."""
SHOWN = 5


class Listing(NamedTuple):
    """What lies right in a folder."""

    images: dict[str, Path]
    """By image_id, the file's stem, in natural order."""
    skipped: dict[str, str]
    """Names of the other files, hidden ones aside, and why each is no image."""

    def told(self, most: int = SHOWN) -> str:
        """`2 skipped: a.heic (Pillow can't read .heic), old (a folder)`; empty where nothing is."""
        if not self.skipped:
            return ""
        some = [f"{name} ({reason})" for name, reason in list(self.skipped.items())[:most]]
        more = f" and {len(self.skipped) - most} more" if len(self.skipped) > most else ""
        return f"{len(self.skipped)} skipped: {', '.join(some)}{more}"


def list_images(path: Path) -> Listing:
    """The images right in a folder, and what is passed over.

    Raises: UserError when the folder is missing or holds no image, when two images have the same stem, and for a name that can't be an id.
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
    """Say once on stderr what of a folder is passed over."""
    if told:
        print(f"Note: {folder}: {told}.", file=sys.stderr)


def _visible(folder: Path) -> Iterator[Path]:
    files = sorted(folder.iterdir(), key=lambda file: natural(file.name))
    return (file for file in files if not file.name.startswith(".") and file.name not in OWN_FILES)


def _why_no_image(file: Path) -> str:
    """Empty for an image."""
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
