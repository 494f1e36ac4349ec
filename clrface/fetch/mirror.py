"""Pack the archives that a run needs into one folder, for a machine without a network: `mirrors:
[that folder]`.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clrface.errors import unknown_name
from clrface.fetch.download import INDEX, PAUSES_S, Found, obtain, read_list
from clrface.fetch.install import all_mirrors, fetch, lock_of
from clrface.fetch.lock import with_lock
from clrface.fetch.sizes import tell_sizes
from clrface.fetch.sources import Source, with_lists
from clrface.files import atomic_path, explain_os_error, sha256_file, write_text


def pack(
    names: Sequence[str],
    sources: Mapping[str, Source],
    to: Path,
    raw_folder: Path,
    downloads_folder: Path,
    mirrors: Sequence[Path] = (),
    pauses_s: Sequence[float] = PAUSES_S,
) -> Path:
    """Fetch and check each source, put its archive into `to`, and return the path of the list
    there.

    Archives are linked on the same disk, else copied. Existing ones stay. A source that is a folder
    of the user's is left out, with a message.

    Raises: UserError for an unknown name, and as `fetch`.
    """
    for name in names:
        if name not in sources:
            raise unknown_name("source", name, sources)
    names = with_lists(names, sources)
    _say(tell_sizes([sources[name] for name in names], raw_folder))
    listed = []
    for name in names:
        fetch(name, sources, raw_folder, downloads_folder, mirrors, pauses_s)
        source = with_lock(sources[name], lock_of(raw_folder))
        found = obtain(source, Path(downloads_folder) / name, all_mirrors(mirrors), lambda _: None, pauses_s)
        if found.path.is_dir():
            _say(f"{name}: {found.path} is a folder of yours, not an archive: take it along by hand")
        else:
            listed.append(_put(source, found, Path(to)))
    index = Path(to) / INDEX
    kept = [entry for entry in read_list(index) if entry["source"] not in {entry["source"] for entry in listed}]
    ordered = sorted([*kept, *listed], key=lambda entry: entry["source"])
    write_text(index, json.dumps({"archives": ordered}, indent=1) + "\n")
    total = sum(entry["bytes"] for entry in ordered)
    _say(f"{len(ordered)} archives, {total:,} bytes, in {to}. On the other machine: `mirrors: [{to}]` in the config.")
    return index


def _put(source: Source, found: Found, to: Path) -> dict[str, Any]:
    """Link or copy one archive into `to`, under its own name, or with its sum before it where
    another has that name; returns its line.
    """
    sha256, size_bytes = sha256_file(found.path), found.path.stat().st_size
    target = to / found.archive.file
    if target.is_file() and sha256_file(target) != sha256:
        target = to / f"{sha256[:12]}-{found.archive.file}"
    if not target.is_file():
        _link(found.path, target)
    origin = str(found.archive)
    return {"source": source.name, "file": found.archive.file, "name": target.name, "sha256": sha256, "bytes": size_bytes, "from": origin}


def _link(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path.resolve(), target)
    except FileExistsError as error:
        raise explain_os_error(error, target) from error
    except OSError:  # another disk, or one that knows no links
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
