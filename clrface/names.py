"""Names of images: ids that are safe in every file, and their natural order."""

import re
import unicodedata

from clrface.errors import UserError

WHOLE_SET = "*"
"""The key of a whole set in score files, which no image may have."""


def checked_id(name: str, where: str) -> str:
    """Return `name` as an image_id, composed (NFC), so that a name typed on two systems is one id.

    Raises: UserError for a name that is empty, hidden, not UTF-8, or has control characters or a
    slash, and for `*`.
    """
    image_id = unicodedata.normalize("NFC", name)
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in image_id):
        raise UserError(f"{where} has a file whose name isn't UTF-8: {ascii_name(name)}. Rename it.")
    if not image_id or "/" in image_id or image_id.startswith(".") or image_id == WHOLE_SET or _has_control(image_id):
        raise UserError(
            f"{where}: found image_id {image_id!r}, but expected a plain file name, without control characters, and not '{WHOLE_SET}'."
        )
    return image_id


def ascii_name(name: str) -> str:
    """Return a file's name for a message, with escapes for what isn't UTF-8 or can't be printed."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _has_control(text: str) -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text)


def natural(text: str) -> list[tuple[int, str]]:
    """Return a sort key that reads digits as numbers: s2 before s10.

    >>> sorted(["s10", "s2"], key=natural)
    ['s2', 's10']
    """
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", text)]
