"""Restore many photographs: finished ones are skipped, failures are reported, and Ctrl-C keeps what
is done.

`restored.jsonl` in the folder of results has a line for each photograph: its checksum, the
settings, its faces, and the result. A second call with the same settings does only what is missing.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from clrface.api import OK
from clrface.errors import UserError
from clrface.files import atomic_path, read_lines, sha256_file
from clrface.images import write_png
from clrface.listing import list_images, tell_skipped
from clrface.photo.files import Photo, read_photo, write_photo, written_name
from clrface.photo.restorer import TOO_FINE, PhotoRestorer, Restored

RECORDS = "restored.jsonl"
NO_FACE = "kept: no face found"


@dataclass(frozen=True)
class Wishes:
    """What is written beside the restored photographs."""

    aligned: bool = False
    """The images are aligned faces already."""
    save_faces: bool = False
    """Each face, before and after, into the folder `faces`."""
    compare: bool = False
    """Photograph and result side by side, into the folder `compare`."""


@dataclass
class Tally:
    """How many photographs a call restored, kept, found done and failed at."""

    restored: int = 0
    """Photographs with at least one restored face."""
    faces: int = 0
    """Restored faces."""
    kept: int = 0
    """Photographs of which no face was restored."""
    there: int = 0
    """Photographs that an earlier call had done."""
    failed: int = 0

    def told(self, out: Path) -> str:
        """Return one line for the user, which names the folder `out`."""
        parts = [f"{self.restored} restored ({self.faces} faces)"]
        parts += [
            f"{count} {what}"
            for count, what in ((self.kept, "kept as they are"), (self.there, "done before"), (self.failed, "failed"))
            if count
        ]
        return f"{', '.join(parts)}. {out}"


def photographs(inputs: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Return each photograph, of files and folders, with the file that its result goes to.

    Raises: UserError for a path that isn't there, two photographs of one name, and a result that
    would lie over its photograph.
    """
    found: list[Path] = []
    for given in inputs:
        if given.is_dir():
            listing = list_images(given)
            tell_skipped(given, listing.told())
            found += listing.images.values()
        elif given.is_file():
            found.append(given)
        else:
            raise UserError(f"No file or folder at {given}. Give photographs, or a folder of them.")
    targets: dict[Path, Path] = {}
    for path in found:
        target = out / written_name(path)
        if target in targets.values():
            raise UserError(f"Two photographs would be written as {target}. Rename one, or restore them into two folders.")
        if target.resolve() == path.resolve():
            raise UserError(f"{path} would be overwritten by its own result. Give another folder: -o restored")
        targets[path] = target
    return targets


def restore_all(restorer: PhotoRestorer, targets: Mapping[Path, Path], out: Path, settings: Mapping[str, Any], wishes: Wishes) -> Tally:
    """Restore every photograph of `targets` (photograph to result). One that raises a UserError is
    printed and counted, and the others continue.

    Args:
        out: the folder of results, whose `restored.jsonl` gets a line for each photograph.
        settings: what the results depend on; a photograph that was done with the same is skipped.
    """
    told, tally = _settings_digest(settings), Tally()
    before = _records(out)
    for path, target in tqdm(targets.items(), desc="restore", unit="photo"):
        try:
            told_of = {"photo": path.name, "sha256": sha256_file(path), "settings": told, "output": target.name}
            if _is_done(before.get(path.name), told_of, target):
                tally.there += 1
                continue
            result = _restore(restorer, path, target, wishes)
        except UserError as error:
            tqdm.write(f"{path.name}: {error}")
            tally.failed += 1
            continue
        faces = sum(face.status == OK for face in result.faces)
        tally.restored, tally.kept, tally.faces = tally.restored + bool(faces), tally.kept + (not faces), tally.faces + faces
        _note(out, told_of | {"status": OK if result.faces else NO_FACE, "faces": [asdict(face) for face in result.faces]})
        for line in _told(path, result):
            tqdm.write(line)
    return tally


def _restore(restorer: PhotoRestorer, path: Path, target: Path, wishes: Wishes) -> Restored:
    photo = read_photo(path)
    result = restorer.restore_aligned(photo, path.stem) if wishes.aligned else restorer.restore(photo, path.stem)
    if not any(face.status == OK for face in result.faces) and restorer.upscale == 1 and target.suffix == path.suffix:
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)  # to the byte
    else:
        write_photo(target, result.photo)
    if wishes.compare:
        write_png(target.parent / "compare" / f"{path.stem}.png", _side_by_side(photo, result.photo))
    if wishes.save_faces:
        for place, (before, after) in enumerate(result.squares):
            write_png(target.parent / "faces" / f"{path.stem}_{place:02d}_input.png", before)
            write_png(target.parent / "faces" / f"{path.stem}_{place:02d}_restored.png", after)
    return result


def _told(path: Path, result: Restored) -> Iterator[str]:
    """What a user should know of a photograph's faces that were left alone."""
    if not result.faces:
        yield f"{path.name}: no face found; kept as it is."
    for place, face in enumerate(result.faces, start=1):
        if face.status != OK:
            hint = " (--force restores it)" if face.status == TOO_FINE else ""
            yield f"{path.name}: face {place} of {len(result.faces)}, {face.side_px:.0f} px a side: {face.status}{hint}."


def _side_by_side(before: Photo, after: Photo) -> np.ndarray:
    height, width = after.pixels.shape[:2]
    enlarged = cv2.resize(before.eight_bits, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.concatenate([enlarged, after.eight_bits], 1)


def _settings_digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _records(out: Path) -> dict[str, dict[str, Any]]:
    """The last entry of each photograph."""
    return {record["photo"]: record for record in read_lines(out / RECORDS) if "photo" in record}


def _is_done(record: Mapping[str, Any] | None, told_of: Mapping[str, Any], target: Path) -> bool:
    return record is not None and target.is_file() and all(record.get(key) == value for key, value in told_of.items())


def _note(out: Path, record: Mapping[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / RECORDS).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(record) + "\n")
