"""Align one chunk of a dataset: from raw files to squares and an index."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from clrface.align.geometry import align
from clrface.align.landmarks import FaceFinder, Fallback
from clrface.align.raw import read_raw, to_size
from clrface.api import OK
from clrface.errors import UserError
from clrface.files import sha256_file, write_text
from clrface.images import write_png
from clrface.manifest import Entry

NO_FACE = "no face found"
INDEX = "index.csv"
COORDINATES = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y", "mouth_x", "mouth_y")
COLUMNS = ("image_id", "status", "sha256", *COORDINATES, "found_by")


def align_chunk(
    entries: Sequence[Entry],
    raw_folder: Path,
    out_folder: Path,
    size: int,
    dlib_folder: Path,
    fallback: Fallback = "none",
    template: str = "utkface",
) -> None:
    """Write `<image_id>.png`, `size` x `size` RGB, for each entry's face, aligned to `template`;
    then `index.csv`.

    The index has a row an entry: status (`ok`, or `no face found` and then no PNG), the PNG's
    SHA-256, the landmarks in the raw file's pixels, and which attempt found the face. It is written
    last.

    Args:
        dlib_folder, fallback: see `FaceFinder`.
        template: a key of clrface.align.templates.TEMPLATES.

    Raises: UserError for a raw file that is missing, truncated or not the manifest's, and for a
    landmark model that is missing or damaged.
    """
    finder = FaceFinder(dlib_folder, fallback)
    rows = []
    for entry in tqdm(entries, desc="align", unit="image", mininterval=1):
        rgb = read_raw(entry, raw_folder)
        target = Path(out_folder) / f"{entry.image_id}.png"
        face = finder.find(rgb)
        if face is None:
            target.unlink(missing_ok=True)
            rows.append([entry.image_id, NO_FACE])
            continue
        write_png(target, align(rgb, face.landmarks, size, template))
        rows.append([entry.image_id, OK, sha256_file(target), *face.landmarks.ravel(), face.found_by])
    _write_index(Path(out_folder) / INDEX, rows)


def resize_chunk(entries: Sequence[Entry], raw_folder: Path, out_folder: Path, size: int) -> None:
    """Resize images that are aligned already, and write them and `index.csv` as `align_chunk` does,
    without landmarks.

    Raises: UserError for a raw file that is missing, truncated, altered or not square.
    """
    rows = []
    for entry in tqdm(entries, desc="resize", unit="image", mininterval=1):
        target = Path(out_folder) / f"{entry.image_id}.png"
        write_png(target, to_size(read_raw(entry, raw_folder), size, Path(raw_folder) / entry.file))
        rows.append([entry.image_id, OK, sha256_file(target)])
    _write_index(Path(out_folder) / INDEX, rows)


def refuse_faceless(dataset: str, folders: Sequence[Path]) -> None:
    """Refuse a test set in which no photograph shows a face, once all of its chunks are done.

    Args:
        folders: those of all chunks. Nothing is checked while one lacks its index.

    Raises: UserError where no status is `ok`.
    """
    if not all((folder / INDEX).is_file() for folder in folders):
        return  # the last chunk looks at all
    statuses = [status for folder in folders for status in _statuses(folder)]
    if statuses and OK not in statuses:
        raise UserError(
            f"No face was found in any of the {len(statuses)} images of '{dataset}'. Are they upright photographs of faces? "
            "Squares that are aligned already need no detector: set `align: false` in the dataset's entry in the config."
        )


def _statuses(folder: Path) -> list[str]:
    with (folder / INDEX).open(encoding="utf-8", newline="") as lines:
        return [row["status"] for row in csv.DictReader(lines)]


def _write_index(path: Path, rows: list[list]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row + [""] * (len(COLUMNS) - len(row)) for row in rows)
    write_text(path, text.getvalue())
