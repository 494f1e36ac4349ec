"""Trust on first use: the first checksums of sources whose publisher states none.

The lock is data/sources.lock.json, beside data/raw. Commit it: then every machine gets the same
images, at any time, or an error.

    {"celeba_test": {"files": 3000, "content": "<digest of the members>",
                     "archives": {"celeba_512_validation.zip": {"sha256": ..., "bytes": ..., "from": ...}}}}

An archive's checksum holds for that file name. The members' digest holds for the source, even if
another publisher packs the same images differently.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from clrface.errors import reading
from clrface.fetch.archives import Taken
from clrface.fetch.sources import Archive, Source
from clrface.files import write_text

LOCK = "sources.lock.json"


def is_locked(source: Source) -> bool:
    """Return whether the lock applies to the source."""
    return any(archive.first_use for archive in source.archives)


def with_lock(source: Source, lock: Path) -> Source:
    """Return the source with the lock's checksums.

    Raises: UserError for a lock that can't be read.
    """
    entry = _read(lock).get(source.name) if is_locked(source) else None
    if not entry:
        return source
    return replace(source, archives=tuple(_locked(archive, entry["archives"]) for archive in source.archives), locked=entry["content"])


def members_digest(members: Mapping[str, Taken]) -> str:
    """Return 64 hexadecimal digits over the names and contents of a source's files."""
    text = "".join(f"{name}\0{file.sha256}\n" for name, file in sorted(members.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def record(lock: Path, source: Source, archive: Archive, sums: Mapping[str, Any] | None, members: Mapping[str, Taken]) -> str:
    """Record new checksums in the lock; return a message for the user, empty when nothing was new.

    Args:
        sums: the archive's `sha256` and `bytes`; None for a folder, of which only the members'
            digest is kept.
    """
    with FileLock(lock.with_name(f".{lock.name}.lock")):
        content = _read(lock)
        is_new = source.name not in content
        entry = content.setdefault(source.name, {"files": len(members), "content": members_digest(members), "archives": {}})
        if archive.first_use and sums and archive.file not in entry["archives"]:
            entry["archives"][archive.file] = {**sums, "from": str(archive)}
            is_new = True
        if is_new:
            write_text(lock, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return _told(source, archive, sums, lock) if is_new else ""


def _locked(archive: Archive, sums: Mapping[str, Mapping[str, Any]]) -> Archive:
    known = sums.get(archive.file) if archive.first_use else None
    return replace(archive, sha256=known["sha256"], size_bytes=known["bytes"]) if known else archive


def _told(source: Source, archive: Archive, sums: Mapping[str, Any] | None, lock: Path) -> str:
    received = f"{sums['bytes']:,} bytes, sha256 {sums['sha256']}" if sums else "a folder; the digest of its files is kept"
    return (
        f"{source.name}: TRUSTED ON FIRST USE. Nobody published a checksum of {archive.file or 'these files'}; "
        f"its size, where known, and its {source.files:,} files are as expected.\n"
        f"  received {received}\n"
        f"  from {archive}\n"
        f"  Recorded in {lock}: nothing else is accepted from now on. Compare it with a colleague's, and commit that file."
    )


def _read(lock: Path) -> dict[str, Any]:
    if not lock.is_file():
        return {}
    with reading(f"{lock} as JSON", "Restore it from git, or remove it and fetch again."):
        content = json.loads(lock.read_text(encoding="utf-8"))
        if wrong := [name for name, entry in content.items() if not {"files", "content", "archives"} <= entry.keys()]:
            raise ValueError(f"the entry '{wrong[0]}' lacks a key")
        return content
