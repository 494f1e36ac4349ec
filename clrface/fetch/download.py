"""From an entry to an archive that has the right checksum: mirrors first, then the network, with retries."""

import errno
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from clrface.errors import UserError
from clrface.fetch.readers import READERS, Failed
from clrface.fetch.sources import Archive, Source
from clrface.files import explain_os_error, sha256_file

PAUSES_S = (1.0, 4.0)
"""Waits before the second and the third try."""
PAGE_START_BYTES = 4096
WEB_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b(?:.*?<title[^>]*>(?P<title>[^<]*))?", re.IGNORECASE | re.DOTALL)


class Found(NamedTuple):
    """An archive on this machine, checked as far as its entry allows."""

    archive: Archive
    path: Path


def obtain(source: Source, folder: Path, mirrors: Sequence[Path], pauses_s: Sequence[float] = PAUSES_S) -> Found:
    """The first of the source's archives that can be had: from `folder` (earlier downloads), a mirror, or its reader.

    What lies in a mirror is used there, not copied; downloads go to `folder`.
    Raises: UserError with each place tried and its answer.
    """
    for archive in source.archives:
        for place in (folder, *mirrors):
            if path := find(place, archive):
                _say(f"{source.name}: found as {path}")
                return Found(archive, path)
    answers = [f"mirror {mirror}: {'no file with this checksum' if mirror.is_dir() else 'no such folder'}" for mirror in mirrors]
    for archive in source.archives:
        _say(f"{source.name}: getting {archive.file or 'files'} from {archive}")
        try:
            return Found(archive, _download(archive, folder, pauses_s))
        except Failed as failure:
            answers.append(f"{archive}: {failure}")
    raise UserError(_nowhere(source, answers))


def find(place: Path, archive: Archive) -> Path | None:
    """The file of folder `place` that is this archive, by its name or another one; None when there is none.

    Without a checksum in the entry the name alone decides: then the manifest checks the members.
    """
    if not archive.file or not place.is_dir():
        return None
    named = place / archive.file
    if archive.sha256 is None:
        return named if named.is_file() else None
    others = (path for path in sorted(place.iterdir()) if path != named)
    return next((path for path in (named, *others) if _is(path, archive)), None)


def _is(path: Path, archive: Archive) -> bool:
    """Sizes are compared first, so that a folder of large files isn't read through."""
    return path.is_file() and archive.size_bytes in (None, path.stat().st_size) and sha256_file(path) == archive.sha256


def _download(archive: Archive, folder: Path, pauses_s: Sequence[float]) -> Path:
    for pause_s in (*pauses_s, None):
        try:
            return _attempt(archive, folder)
        except Failed as failure:
            if pause_s is None or not failure.transient:
                raise
            _say(f"{archive}: {failure}; trying again in {pause_s:g} s")
            time.sleep(pause_s)
    raise AssertionError("the last pause is None")


def _attempt(archive: Archive, folder: Path) -> Path:
    """One transfer; the archive gets its own name only once it is checked."""
    target = folder / archive.file
    part = folder / f"{archive.file}.part"
    resumed = part.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = READERS[archive.kind](archive, part)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
        raise explain_os_error(error, target) from error
    if path != part:
        _check(path, archive)
        return path
    try:
        _check(part, archive)
    except Failed as failure:
        part.unlink()
        # What was there before may have been another file's beginning: a fresh start is worth one more try.
        raise Failed(f"{failure}; it was removed", transient=resumed) from None
    return part.replace(target)


def _check(path: Path, archive: Archive) -> None:
    """Raises: Failed for a file that isn't the archive: a web page, or other bytes than the entry says."""
    if path.is_dir() or _is(path, archive):
        return
    with path.open("rb") as handle:
        start = handle.read(PAGE_START_BYTES)
    if page := WEB_PAGE.match(start):
        title = page["title"].decode(errors="replace").strip() if page["title"] else "no title"
        raise Failed(f"a web page ({title}) came instead of the file")
    if archive.sha256 is not None:
        raise Failed(
            f"found {path.stat().st_size:,} bytes with sha256 {sha256_file(path)}, "
            f"but expected {f'{archive.size_bytes:,} bytes with ' if archive.size_bytes else ''}sha256 {archive.sha256}. "
            "Run again in case the transfer was damaged; if it stays so, the publisher changed the file: "
            "look at what changed before correcting config/sources.yaml"
        )


def _nowhere(source: Source, answers: Sequence[str]) -> str:
    wanted = [
        f"  {archive.file} {f'with sha256 {archive.sha256}' if archive.sha256 else '(its members are checked)'}"
        for archive in source.archives
        if archive.file
    ]
    by_hand = [
        "To go on by hand, put one of these into a folder, name that folder under `mirrors:` in the config "
        "(or in the variable CLRFACE_MIRRORS) and run the same command again:",
        *wanted,
    ]
    tried = [f"Can't get source '{source.name}'. Tried:", *(f"  {answer}" for answer in answers)]
    return "\n".join(tried + (by_hand if wanted else ["Correct its path in config/sources.yaml, or put the files there."]))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
