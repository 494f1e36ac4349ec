"""Manifests: the images of a dataset, with each file's SHA-256.

They are in git as clrface/catalogue/manifests/<dataset>.csv. This module imports neither torch nor
dlib, so that the workflow can read it while it builds its graph.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TypeVar

from clrface.errors import UserError
from clrface.files import sha256_file, write_text
from clrface.listing import list_images, tell_skipped
from clrface.names import checked_id, natural

SPLITS = ("train", "val", "test")
VAL_SHARE = 0.03
Item = TypeVar("Item")
FETCHED = "manifest.csv"
"""The manifest of a set without one in git, beside its SOURCE.json; made when the set is fetched.
"""


@dataclass(frozen=True)
class Entry:
    """One image of a dataset."""

    image_id: str
    """Unique in its dataset; names the image's file in every later step."""
    file: str
    """Path under the dataset's folder of raw files, with forward slashes."""
    identity: str
    """The person; empty when unknown."""
    split: str
    """train, val or test."""
    sha256: str
    """Of the raw file."""


COLUMNS = tuple(field.name for field in fields(Entry))


def read_manifest(path: Path) -> list[Entry]:
    """Read a manifest's entries, in the file's order.

    Raises: UserError for a file that is missing or not a manifest, and for an image_id listed
    twice.
    """
    path = Path(path)
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise UserError(f"No manifest at {path}. Each dataset of the config needs one there, or a `folder: path`.") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        found = ",".join(rows[0]) if rows else "an empty file"
        raise UserError(f"{path} starts with '{found}', but a manifest starts with the columns {','.join(COLUMNS)}.")
    entries = [_entry(row, f"{path}, line {number}") for number, row in enumerate(rows[1:], start=2)]
    _refuse_repeats([entry.image_id for entry in entries], f"{path} has two rows with the image_id")
    return entries


def write_manifest(path: Path, entries: Iterable[Entry]) -> None:
    """Write the entries, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(entry) for entry in entries)
    write_text(path, text.getvalue())


def from_folder(path: Path) -> list[Entry]:
    """Return entries for a user's own folder: every image directly in it, by file stem, all of them
    test.

    Skipped files are reported on stderr. Raises: UserError, as `list_images`.
    """
    listing = list_images(path)
    tell_skipped(Path(path), listing.told())
    return [Entry(image_id, file.name, "", "test", sha256_file(file)) for image_id, file in listing.images.items()]


def of_fetched_set(files: Mapping[str, str], training: bool = False) -> list[Entry]:
    """Return entries for a fetched set of faces, one a file, in natural order.

    The image_id is the stem; a folder that holds the file names the person.

    Args:
        files: name to sha256.
        training: use the splits train, and val for about 3 %, instead of test.

    Raises: UserError for two files of one stem.
    """
    paths = {name: PurePosixPath(name) for name in sorted(files, key=natural)}
    ids = {name: checked_id(path.stem, "The set") for name, path in paths.items()}
    _refuse_repeats(list(ids.values()), "The set has two files named")
    splits = {name: split_of(sha256) if training else "test" for name, sha256 in files.items()}
    return [Entry(ids[name], str(path), path.parent.name, splits[name], files[name]) for name, path in paths.items()]


def split_of(sha256: str) -> str:
    """Return `val` for about 3 % of all contents, else `train`.

    A file keeps its split, independent of the rest of the dataset.
    """
    return "val" if int(sha256[:8], 16) < VAL_SHARE * 16**8 else "train"


def every(count: int, images: int | None = None, offset: int = 0) -> list[int]:
    """Return places of `images` evenly spaced ones among `count`, from `offset` on; None takes all.

    Raises: UserError for fewer images, or an offset beyond the spacing.
    """
    if images is None:
        return list(range(count))
    if count < images:
        raise UserError(f"Found {count} images, but `images` asks for {images}. Lower it, or complete the manifest.")
    if offset >= count // images:
        raise UserError(f"Found an `offset` of {offset}, but {images} of {count} images lie {count // images} apart. Lower it.")
    return [place * count // images + offset for place in range(images)]


def select(
    entries: Iterable[Entry],
    identities: int | None = None,
    images_per_identity: int | None = None,
    split: str | None = None,
    images: int | None = None,
    offset: int = 0,
    last: bool = False,
) -> list[Entry]:
    """Select the first `images_per_identity` images of the first `identities` people, of one split;
    None takes all.

    "First" and the result's order are natural: s1_1, s1_2, s1_10, s2_1.

    Args:
        images: take this many of what is left, evenly spaced: for datasets whose people are
            unknown.
        offset: where the evenly spaced images start. Two offsets below the spacing share no image.
        last: take each person's last images instead. A gallery so shares none with a test set of
            the first ones.

    Raises: UserError for fewer people, fewer images of a person, or fewer images than `images`.
    """
    chosen = sorted((e for e in entries if split in (None, e.split)), key=lambda e: (natural(e.identity), natural(e.image_id)))
    people = {identity: list(group) for identity, group in groupby(chosen, key=lambda e: e.identity)}
    if identities is not None:
        if len(people) < identities:
            raise UserError(f"Found {len(people)} identities, but `identities` asks for {identities}. Lower it, or complete the manifest.")
        people = dict(list(people.items())[:identities])
    if images_per_identity is not None:
        for identity, group in people.items():
            if len(group) < images_per_identity:
                raise UserError(
                    f"Found {len(group)} images of identity '{identity}', but `images_per_identity` asks for {images_per_identity}. "
                    "Lower it, or complete the manifest."
                )
    start = -images_per_identity if last and images_per_identity is not None else 0
    picked = [entry for group in people.values() for entry in group[start:][:images_per_identity]]
    return [picked[place] for place in every(len(picked), images, offset)]


def chunks(ids: Sequence[Item], size: int) -> list[list[Item]]:
    """Cut `ids` into runs of `size`, the last one shorter; chunk i is named by `chunk_name(i)`.

    >>> chunks(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]

    Raises: UserError for a size below 1.
    """
    if size < 1:
        raise UserError(f"Found a chunk size of {size}, but expected at least 1. Set `chunk` in the config.")
    return [list(ids[start : start + size]) for start in range(0, len(ids), size)]


def chunk_name(index: int) -> str:
    """The folder of chunk `index`: 000, 001, ..."""
    return f"{index:03d}"


def match_ids(found: Iterable[str], expected: Iterable[str], where: str) -> None:
    """Check that `found` and `expected` are the same set of image ids, since pairing is by id.

    Raises: UserError that names the missing and the extra ids of `where`, e.g. a folder.
    """
    have, want = set(found), set(expected)
    parts = _named("missing", sorted(want - have, key=natural)) + _named("not expected", sorted(have - want, key=natural))
    if parts:
        raise UserError(
            f"Found {len(have)} images in {where}, but expected these {len(want)} by name: {'; '.join(parts)}. "
            "Add what is missing, remove or rename the others."
        )


def _entry(row: list[str], place: str) -> Entry:
    if len(row) != len(COLUMNS):
        raise UserError(f"{place}: found {len(row)} fields, but expected {len(COLUMNS)} ({','.join(COLUMNS)}).")
    entry = Entry(checked_id(row[0], place), *row[1:])
    file = PurePosixPath(entry.file)
    if not entry.file or file.is_absolute() or ".." in file.parts:
        raise UserError(f"{place}: found file '{entry.file}', but expected a path inside the dataset's folder.")
    if entry.split not in SPLITS:
        raise UserError(f"{place}: found split '{entry.split}', but expected one of {', '.join(SPLITS)}.")
    if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
        raise UserError(f"{place}: found sha256 '{entry.sha256}', but expected 64 hexadecimal digits.")
    return entry


def _refuse_repeats(ids: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for image_id in ids:
        if image_id in seen:
            raise UserError(f"{where} '{image_id}'. Rename or remove one of the two.")
        seen.add(image_id)


def _named(what: str, names: Sequence[str], shown: int = 10) -> list[str]:
    """Return `["missing (12): a, b, ... and 2 more"]`, or nothing for no names."""
    if not names:
        return []
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return [f"{what} ({len(names)}): {', '.join(names[:shown])}{more}"]
