"""Install a source's files: fetched once, complete or absent, with a record."""

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from clrface.errors import unknown_name
from clrface.fetch.archives import BadArchive, Limits, Taken, extract
from clrface.fetch.download import PAUSES_S, Found, obtain
from clrface.fetch.lock import LOCK, is_locked, members_digest, record, with_lock
from clrface.fetch.sources import Source, entry_digest
from clrface.files import atomic_path, explain_os_error, sha256_file
from clrface.intact import RECORD
from clrface.manifest import FETCHED, of_fetched_set, write_manifest
from clrface.pairs import LIST, named_in, read_pairs

MIRRORS_VARIABLE = "CLRFACE_MIRRORS"


def fetch(
    name: str,
    sources: Mapping[str, Source],
    raw_folder: Path,
    downloads_folder: Path,
    mirrors: Sequence[Path] = (),
    pauses_s: Sequence[float] = PAUSES_S,
) -> Path:
    """Install the source's files under `raw_folder`/<name>/, and return the path of its
    SOURCE.json.

    Nothing is done when they are there already. A folder that is stale or has no SOURCE.json is
    replaced. A checksum that no publisher states is recorded in sources.lock.json beside
    `raw_folder`, and then enforced.

    Args:
        mirrors: folders searched by checksum before the network; CLRFACE_MIRRORS adds more.
        pauses_s: waits between tries, one fewer than there are tries.

    Raises: UserError for an unknown name; for an archive that is not available, isn't the right one
    or holds other files than expected; and for a disk that is full or without write permission.
    """
    if name not in sources:
        raise unknown_name("source", name, sources)
    folder = Path(raw_folder) / name
    if is_fetched(sources[name], raw_folder):
        return folder / RECORD
    downloads = Path(downloads_folder) / name
    with _alone(downloads):
        if not is_fetched(sources[name], raw_folder):
            source, listed = with_lock(sources[name], lock_of(raw_folder)), None
            if source.listed:  # the list first: it may be wrong, and is small
                record = fetch(source.listed, sources, raw_folder, downloads_folder, mirrors, pauses_s)
                listed = named_in(read_pairs(record.with_name(LIST)))
            obtain(source, downloads, all_mirrors(mirrors), lambda found: _install(source, found, folder, downloads, listed), pauses_s)
    return folder / RECORD


def lock_of(raw_folder: Path) -> Path:
    """Return the path of the lock of first-use checksums, beside the folder of the sources' files."""
    return Path(raw_folder).parent / LOCK


def all_mirrors(mirrors: Sequence[Path]) -> list[Path]:
    """Return `mirrors`, and those of CLRFACE_MIRRORS."""
    named_outside = os.environ.get(MIRRORS_VARIABLE, "").split(os.pathsep)
    return list(dict.fromkeys([*map(Path, mirrors), *(Path(part) for part in named_outside if part)]))


def is_fetched(source: Source, raw_folder: Path) -> bool:
    """Return whether a source is complete.

    Its SOURCE.json must match this entry (and the lock), and each listed file must exist with its
    size.
    """
    folder = Path(raw_folder) / source.name
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return (
            record["entry"] == entry_digest(source)
            and (not is_locked(source) or record["content"] == with_lock(source, lock_of(raw_folder)).locked)
            and all((folder / name).stat().st_size == member["bytes"] for name, member in record["members"].items())
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError):  # none, or a damaged one
        return False


@contextmanager
def _alone(downloads: Path) -> Iterator[None]:
    """Let one process at a time fetch a source; others wait, and then find it done."""
    lock = downloads / ".lock"
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise explain_os_error(error, lock) from error
    with FileLock(lock):
        yield


def _install(source: Source, found: Found, folder: Path, downloads: Path, listed: Collection[str] | None) -> None:
    """Extract into a folder beside, with SOURCE.json as its last file, then replace `folder`."""
    fresh = folder.with_name(f".part-{source.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with atomic_path(fresh / RECORD) as temporary:
            taken, sums = _take(source, found, fresh, listed), _sums(found)
            if source.faces:
                entries = of_fetched_set({name: file.sha256 for name, file in taken.items()}, source.faces == "training")
                write_manifest(fresh / FETCHED, entries)
            temporary.write_text(json.dumps(_record(source, found, sums, taken), indent=1) + "\n", encoding="utf-8")
        if is_locked(source) and (told := record(lock_of(folder.parent), source, found.archive, sums, taken)):
            print(told, file=sys.stderr, flush=True)
        _replace(folder, fresh)
    except BadArchive:
        # A download with no checksum of its own is judged by its members: the next run must not find it again.
        if found.archive.sha256 is None and found.path.parent == downloads:
            found.path.unlink()
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _take(source: Source, found: Found, folder: Path, listed: Collection[str] | None) -> dict[str, Taken]:
    """Extract what the entry wants; for a source with a list, the images that it names."""
    expected = source.expected()

    def wanted(name: str) -> str | None:
        inner = found.archive.inner(name)
        if inner is None or not any(_matches(inner, glob) for glob in source.members):
            return None
        left_out = (expected is not None and inner not in expected) or (listed is not None and PurePosixPath(inner).stem not in listed)
        return None if left_out else inner

    taken = extract(found.path, found.archive.file, folder, wanted, Limits(source.max_files, source.max_bytes))
    if problem := _difference(source, taken, expected):
        raise BadArchive(found.path, f"isn't what the entry of source '{source.name}' says: {problem}")
    if source.locked and members_digest(taken) != source.locked:
        raise BadArchive(
            found.path, f"holds other files than source '{source.name}' gave at first: the lock file has another digest of its members"
        )
    return taken


def _matches(name: str, glob: str) -> bool:
    """Match part by part, so that `*` doesn't match across folders."""
    parts, globs = name.split("/"), glob.split("/")
    return len(parts) == len(globs) and all(map(fnmatchcase, parts, globs))


def _difference(source: Source, taken: Mapping[str, Taken], expected: Mapping[str, str] | None) -> str | None:
    """Return the difference between the files found and those of the entry, or its manifest."""
    count = len(expected) if expected is not None else source.files
    if len(taken) != count and (count is not None or not taken):
        missing = sorted((expected or {}).keys() - taken.keys())
        return f"found {len(taken):,} files, but expected {count or 'some':,}" + (
            f"; missing, among others: {missing[0]}" if missing else ""
        )
    wrong = sorted(name for name, file in taken.items() if expected is not None and file.sha256 != expected[name])
    if wrong:
        return f"{len(wrong):,} files have another sha256 than the manifest says, among them {wrong[0]}"
    return None


def _sums(found: Found) -> dict[str, Any] | None:
    """Return the archive's checksum and size; None for a folder."""
    if not found.path.is_file():
        return None
    return {"sha256": found.archive.sha256 or sha256_file(found.path), "bytes": found.path.stat().st_size}


def _record(source: Source, found: Found, sums: Mapping[str, Any] | None, taken: Mapping[str, Taken]) -> dict[str, Any]:
    return {
        "source": source.name,
        "entry": entry_digest(source),
        "from": str(found.archive),
        "content": members_digest(taken),
        "archive": {"found_as": str(found.path), **(sums or {})},
        "licence": source.licence,
        "citation": source.citation,
        "members": {name: file._asdict() for name, file in sorted(taken.items())},
    }


def _replace(folder: Path, fresh: Path) -> None:
    old = folder.with_name(f".old-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
