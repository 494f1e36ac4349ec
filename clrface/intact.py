"""Check fetched files against their source's record before use."""

import json
from functools import cache
from pathlib import Path

from clrface.errors import UserError, reading
from clrface.files import sha256_file

RECORD = "SOURCE.json"
"""The record in a complete source's folder: its files, and their checksums."""
SUMS = "SHA256SUMS"
"""The checksums in the folder of shipped weights, a line a file, as sha256sum writes it."""


def intact(path: Path) -> Path:
    """Return `path`, a file of a source, after checking its SHA-256 against the source's
    SOURCE.json.

    A file without a record passes.

    Raises: UserError for a file that was damaged or altered since it was fetched, and a damaged
    record.
    """
    folder = next((parent for parent in path.parents if (parent / RECORD).is_file()), None)
    if folder is not None and path.is_file():
        expected = _recorded(folder / RECORD).get(path.relative_to(folder).as_posix())
        if expected and _sha256(path, path.stat().st_mtime_ns) != expected:
            raise UserError(
                f"{path} is damaged: its sha256 isn't that of {folder / RECORD}. Remove that record and fetch it again: "
                f"rm {folder / RECORD} && python -m clrface fetch {folder.name}"
            )
    return path


def shipped_intact(path: Path) -> Path:
    """Return `path`, a file of weights, after checking its SHA-256 against the SHA256SUMS above it.

    A file that is not listed passes.

    Raises: UserError for a file that was damaged or altered since it was shipped, and damaged sums.
    """
    folder = next((parent for parent in path.parents if (parent / SUMS).is_file()), None)
    if folder is not None:
        expected = _sums(folder / SUMS, (folder / SUMS).stat().st_mtime_ns).get(path.relative_to(folder).as_posix())
        if expected and _sha256(path, path.stat().st_mtime_ns) != expected:
            raise UserError(
                f"{path} is damaged: its sha256 isn't that of {folder / SUMS}. Get it again: git checkout -- {path}. "
                "If it was changed on purpose, write its new sum there, or take its line away."
            )
    return path


@cache
def _sums(path: Path, _changed_ns: int) -> dict[str, str]:
    with reading(f"{path}, the checksums of weights", f"Get it again: git checkout -- {path}."):
        lines = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
        return {name: digest for digest, name in lines}


@cache
def _sha256(path: Path, _changed_ns: int) -> str:
    return sha256_file(path)


def _recorded(record: Path) -> dict[str, str]:
    """The checksums of a source's files, by name."""
    with reading(f"{record}, the record of a source", "Remove it and fetch the source again."):
        members = json.loads(record.read_text(encoding="utf-8"))["members"]
        return {name: member["sha256"] for name, member in members.items()}


def fetched_again(path: Path) -> str:
    """Return what to do about a damaged file of a source.

    >>> fetched_again(Path("data/raw/niqe/x.mat"))
    'Delete data/raw/niqe and fetch it again: python -m clrface fetch niqe.'
    """
    return f"Delete {path.parent} and fetch it again: python -m clrface fetch {path.parent.name}."


def source_file(sources: Path, name: str) -> Path:
    """Return the path of `name`, e.g. `dlib/shape_predictor_68_face_landmarks.dat`, in the folder
    of fetched sources.

    Raises: UserError for a missing file, or one that was damaged since.
    """
    path = Path(sources) / name
    if not path.is_file():
        source = name.split("/")[0]
        raise UserError(f"No weights at {path}. Fetch the source '{source}' first: python -m clrface fetch {source}")
    return intact(path)
