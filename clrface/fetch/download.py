"""Get an archive with the right checksum: mirrors first, then the network, with retries."""

import errno
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from clrface.errors import UserError, reading
from clrface.fetch.archives import BadArchive
from clrface.fetch.readers import READERS, Failed, address
from clrface.fetch.sources import Archive, Source
from clrface.files import explain_os_error, sha256_file

PAUSES_S = (1.0, 4.0)
"""Waits before the second and the third try."""
PROGRESS_BYTES = 1 << 20
"""A try that added as many bytes doesn't count as failed."""
INDEX = "mirror.json"
"""The list of the contents of a folder packed by `clrface mirror`."""
PAGE_START_BYTES = 4096
WEB_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b(?:.*?<title[^>]*>(?P<title>[^<]*))?", re.IGNORECASE | re.DOTALL)


class Found(NamedTuple):
    """An archive on this machine, checked as far as its entry allows."""

    archive: Archive
    path: Path


def obtain(
    source: Source, folder: Path, mirrors: Sequence[Path], use: Callable[[Found], None], pauses_s: Sequence[float] = PAUSES_S
) -> Found:
    """Pass the source's archives to `use`, one after the other, until one is good; return that one.

    First come those in `folder` (earlier downloads) or a mirror, then each by its reader. A
    mirror's file is used there, not copied; downloads go to `folder`. `use` raises BadArchive for
    an archive with other files than it should hold.

    Raises: UserError with each place tried and its answer.
    """
    answers: list[str] = []
    for archive in source.archives:
        for place in (folder, *mirrors):
            if path := find(place, archive, source.name):
                _say(f"{source.name}: found as {path}")
                if good := _used(Found(archive, path), use, answers):
                    return good
    answers += [f"mirror {mirror}: {_lacks(mirror)}" for mirror in mirrors]
    for archive in source.archives:
        _say(f"{source.name}: getting {archive.file or 'files'} from {archive}")
        try:
            found = Found(archive, _there(archive, folder) or _download(archive, folder, pauses_s))
        except Failed as failure:
            _say(f"{source.name}: {archive}: {failure}")
            answers.append(f"{archive}: {failure}")
            continue
        if good := _used(found, use, answers):
            return good
    raise UserError(_nowhere(source, answers))


def _there(archive: Archive, folder: Path) -> Path | None:
    """What an earlier of the alternatives downloaded, where both name one archive and look for its
    files under other folders.
    """
    return find(folder, archive) if archive.sha256 else None


def _used(found: Found, use: Callable[[Found], None], answers: list[str]) -> Found | None:
    try:
        use(found)
    except BadArchive as error:
        answers.append(f"{found.archive}: {error}")
        return None
    return found


def _lacks(mirror: Path) -> str:
    return "no file with this checksum, or of this name where none is known" if mirror.is_dir() else "no such folder"


def find(place: Path, archive: Archive, source: str = "") -> Path | None:
    """Find the archive in the folder `place`, under any name; None when it isn't there.

    Without a checksum in the entry, that of the folder's own list (clrface.fetch.mirror) counts.
    Without either, the name alone decides. Then the manifest checks the members, or the first use
    does.
    """
    if not archive.file or not place.is_dir():
        return None
    if archive.sha256 is None:
        archive = _as_listed(place, archive, source)
    named = place / archive.file
    if archive.sha256 is None:
        return named if _is(named, archive) else None
    others = (path for path in sorted(place.iterdir()) if path != named)
    return next((path for path in (named, *others) if _is(path, archive)), None)


def _as_listed(place: Path, archive: Archive, source: str) -> Archive:
    """The archive with the checksum that the folder's list gives, if it has one."""
    sums = next((entry for entry in read_list(place / INDEX) if (entry["source"], entry["file"]) == (source, archive.file)), None)
    return replace(archive, sha256=sums["sha256"], size_bytes=sums["bytes"]) if sums else archive


def read_list(index: Path) -> list[dict[str, Any]]:
    """Return the archives that a folder's list names; [] without a list.

    Raises: UserError for a damaged list.
    """
    if not index.is_file():
        return []
    with reading(f"{index} as a list of archives", "Pack the folder again: python -m clrface mirror."):
        listed = json.loads(index.read_text(encoding="utf-8"))["archives"]
        if wrong := [entry for entry in listed if not {"source", "file", "sha256", "bytes"} <= entry.keys()]:
            raise ValueError(f"the entry {wrong[0]} lacks a key")
        return listed


def _is(path: Path, archive: Archive) -> bool:
    """Return whether a file is the archive.

    Sizes are compared first, so that a folder of large files isn't read through.
    """
    right_size = path.is_file() and archive.size_bytes in (None, path.stat().st_size)
    return right_size and (archive.sha256 is None or sha256_file(path) == archive.sha256)


def _download(archive: Archive, folder: Path, pauses_s: Sequence[float]) -> Path:
    """Download, with another try after each pause.

    A try with much progress doesn't count, since a large file may need many.
    """
    part, left = folder / f"{archive.file}.part", list(pauses_s)
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            return _attempt(archive, folder)
        except Failed as failure:
            went_on = part.exists() and part.stat().st_size >= had + PROGRESS_BYTES
            if not failure.transient or not (left or went_on):
                raise
            pause_s = pauses_s[0] if went_on else left.pop(0)
            _say(f"{archive}: {failure}; trying again in {pause_s:g} s")
            time.sleep(pause_s)


def _attempt(archive: Archive, folder: Path) -> Path:
    """Transfer once; the archive gets its own name only after it is checked."""
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
    """Raise Failed for a file that isn't the archive: a web page, or other bytes than the entry or
    the lock says.
    """
    if path.is_dir():
        return
    with path.open("rb") as handle:
        start = handle.read(PAGE_START_BYTES)
    if (page := WEB_PAGE.match(start)) and not _is_summed(path, archive):
        title = page["title"].decode(errors="replace").strip() if page["title"] else "no title"
        raise Failed(f"a web page ({title}) came instead of the file, {path.stat().st_size:,} bytes")
    if not _is(path, archive):
        place = "the lock file" if archive.first_use and archive.sha256 else "clrface/catalogue/sources.yaml"
        raise Failed(
            f"found {path.stat().st_size:,} bytes with sha256 {sha256_file(path)}, beginning with {start[:8]!r}, "
            f"but expected {_expected(archive)}. "
            "Run again in case the transfer was damaged; if it stays so, the publisher changed the file: "
            f"look at what changed before correcting {place}"
        )


def _is_summed(path: Path, archive: Archive) -> bool:
    return archive.sha256 is not None and _is(path, archive)


def _expected(archive: Archive) -> str:
    """Return the expected bytes and checksum, as far as known."""
    size = [f"{archive.size_bytes:,} bytes"] if archive.size_bytes is not None else []
    recorded = " (as first received)" if archive.first_use else ""
    return " with ".join([*size, *([f"sha256 {archive.sha256}{recorded}"] if archive.sha256 else [])])


def _nowhere(source: Source, answers: Sequence[str]) -> str:
    """Return what was tried, and how to proceed by hand: which file, from where, its name and
    checksum, and where to put it.
    """
    tried = [f"Can't get source '{source.name}'. Tried:", *(f"  {answer}" for answer in answers)]
    wanted = dict.fromkeys(_by_hand(archive) for archive in source.archives if archive.file)
    if not wanted:
        return "\n".join([*tried, "Correct its path in clrface/catalogue/sources.yaml, or put the files there."])
    return "\n".join(
        [
            *tried,
            "To go on by hand, get one of these with a browser or from a colleague:",
            *(f"  {line}" for line in wanted),
            *([f"  (see also {source.page})"] if source.page else []),
            "Put it into a folder of its own, e.g. data/mirror, name that folder under `mirrors:` in the config "
            "(or in the variable CLRFACE_MIRRORS) and run the same command again.",
        ]
    )


def _by_hand(archive: Archive) -> str:
    """`toy.zip with sha256 ..., from https://...`."""
    unknown = "no checksum known: what you put there is trusted, and recorded" if archive.first_use else "its members are checked"
    known = f"with {expected}" if (expected := _expected(archive)) else ""
    said = f"{archive.file} {known}".rstrip() + ("" if archive.sha256 else f" ({unknown})")
    return said + (f", from {where}" if (where := address(archive)) else "")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
