"""Sources that are not what they should be: the catalogue's own, cut short, swapped or a web page; and archives that mean harm."""

import contextlib
import functools
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.breaking.damage import PAGE, damaged
from benchmarks.breaking.ledger import Attempt, Wrong
from clrface.catalogue import SOURCES
from clrface.errors import UserError
from clrface.fetch.install import MIRRORS_VARIABLE, fetch
from clrface.fetch.sources import load_sources
from clrface.paths import root

MEMBERS = {f"{name}.bin": bytes([place]) * 3000 for place, name in enumerate("abc")}
FORMATS = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MAX_BYTES = 100_000
OUTSIDE = ("../evil.bin", "a/../../evil.bin", "/tmp/clrface-evil.bin", "..\\evil.bin", "C:\\evil.bin", "top/../../evil.bin")
ESCAPED = Path("/tmp/clrface-evil.bin")


def trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """One source, fetched from a file of this machine."""
    return _of_catalogue(rng, folder) if rng.random() < 0.5 else _hostile(rng, folder)


@functools.cache
def _catalogue() -> dict[str, Any]:
    return dict(load_sources(SOURCES, root()))


def _of_catalogue(rng: np.random.Generator, folder: Path) -> Attempt:
    """A source of the catalogue, whose file is another one: never taken where a checksum or a count is known."""
    entries = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    checked = [
        (name, archive)
        for name, source in _catalogue().items()
        for archive in source.archives
        if archive.file and not source.listed and (archive.sha256 or (archive.first_use and source.files > 1))
    ]
    name, archive = checked[rng.integers(len(checked))]
    what, content = [
        ("cut short", rng.bytes(int(rng.integers(1, 5000)))),
        ("swapped", _packed(FORMATS[rng.integers(len(FORMATS))], MEMBERS)),
        ("a web page", PAGE),
        ("empty", b""),
    ][rng.integers(4)]
    entry = {key: value for key, value in entries[name].items() if key not in ("manifest", "archives", "template")}
    place = {"kind": "url", "file": archive.file, "sha256": archive.sha256 or "on_first_use", "strip": archive.strip or None}
    source = {**entry, "files": entry.get("files", 1)}
    return Attempt(f"{name}: {what}", lambda: _fetch(folder, name, source, place, content, None))


def _hostile(rng: np.random.Generator, folder: Path) -> Attempt:
    """An archive with three good members, and something that it should not have."""
    suffix = FORMATS[rng.integers(len(FORMATS))]
    kind = str(rng.choice([*HOSTILE, "good", "damaged"]))
    content = _packed(suffix, {f"top/{name}": data for name, data in MEMBERS.items()})
    harm = kind
    if kind == "damaged":
        harm, content = damaged(rng, content)
    elif kind != "good":
        content = HOSTILE[kind](rng, suffix)
    expected = MEMBERS if kind == "good" or (kind == "damaged" and suffix != ".tar") else None
    must_refuse = kind in HOSTILE
    place = {"kind": "url", "file": f"toy{suffix}", "sha256": "on_first_use", "strip": "top/"}
    entry = {"members": ["*.bin"], "files": 3, "max_files": 50, "max_bytes": MAX_BYTES, "licence": "none", "citation": "none"}

    def run() -> None:
        _fetch(folder, "toy", entry, place, content, expected, may_take=not must_refuse)

    return Attempt(f"{suffix}: {harm}", run)


def _fetch(
    folder: Path,
    name: str,
    entry: dict[str, Any],
    place: dict[str, Any],
    content: bytes,
    expected: dict[str, bytes] | None,
    may_take: bool = False,
) -> None:
    served, listed = folder / "served" / "file", folder / "sources.yaml"
    served.parent.mkdir()
    served.write_bytes(content)
    archive = {key: value for key, value in {**place, "url": served.as_uri()}.items() if value is not None}
    listed.write_text(yaml.safe_dump({name: {**entry, "archives": [archive]}}), encoding="utf-8")
    sources = load_sources(listed)
    raw, downloads = folder / "data" / "raw", folder / "data" / "downloads"
    try:
        with contextlib.redirect_stderr(io.StringIO()), _no_mirrors():
            fetch(name, sources, raw, downloads, (), ())
    except UserError:
        if (raw / name).exists():
            raise Wrong("refused, and yet the source's folder is there") from None
        raise
    finally:
        _check_outside(folder, raw / name, downloads)
    if not may_take:
        raise Wrong("taken, though it isn't the source")
    found = {path.name: path.read_bytes() for path in (raw / name).glob("*.bin")}
    if len(found) != entry["files"] or (expected is not None and found != expected):
        raise Wrong(f"taken with other members: {sorted(found)}")


@contextlib.contextmanager
def _no_mirrors() -> Iterator[None]:
    """Without the user's mirrors, which may have the right file: it would be taken."""
    theirs = os.environ.pop(MIRRORS_VARIABLE, None)
    try:
        yield
    finally:
        if theirs is not None:
            os.environ[MIRRORS_VARIABLE] = theirs


def _check_outside(folder: Path, *allowed: Path) -> None:
    """Nothing was written beside the source's own folders."""
    own = {folder / "served" / "file", folder / "sources.yaml", folder / "data" / "sources.lock.json"}
    for path in folder.rglob("*"):
        inside = any(place in path.parents for place in allowed)
        if path.is_file() and path not in own and not inside and not path.name.endswith(".lock"):
            raise Wrong(f"wrote {path.relative_to(folder)}")
    if ESCAPED.exists():
        raise Wrong(f"wrote {ESCAPED}")


def _packed(suffix: str, members: dict[str, bytes], change: Callable[[Any], None] | None = None) -> bytes:
    """An archive; `change` adds to the open archive before the members."""
    out = io.BytesIO()
    if suffix in (".zip", ".whl"):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            if change:
                change(archive)
            for name, data in members.items():
                archive.writestr(name, data)
        return out.getvalue()
    mode = {".tar": "w:", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}[suffix]
    with tarfile.open(fileobj=out, mode=mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
        if change:
            change(archive)
        for name, data in members.items():
            _add(archive, tarfile.TarInfo(name), data)
    return out.getvalue()


def _add(archive: tarfile.TarFile, info: tarfile.TarInfo, data: bytes = b"") -> None:
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _with(change: Callable[[Any], None], suffix: str) -> bytes:
    return _packed(suffix, {f"top/{name}": data for name, data in MEMBERS.items()}, change)


def _outside(rng: np.random.Generator, suffix: str) -> bytes:
    name = str(rng.choice(OUTSIDE))
    if suffix in (".zip", ".whl"):
        return _with(lambda archive: archive.writestr(zipfile.ZipInfo(name), b"evil"), suffix)
    return _with(lambda archive: _add(archive, tarfile.TarInfo(name), b"evil"), suffix)


def _link(rng: np.random.Generator, suffix: str) -> bytes:
    """A wanted member that is a link to a file, or to a folder outside."""
    target = str(rng.choice(["/etc/passwd", "../../..", "b.bin"]))
    if suffix in (".zip", ".whl"):
        info = zipfile.ZipInfo("top/d.bin")
        info.external_attr = 0o120777 << 16
        return _with(lambda archive: archive.writestr(info, target), suffix)
    member = tarfile.TarInfo("top/d.bin")
    member.type, member.linkname = (tarfile.SYMTYPE, tarfile.LNKTYPE)[rng.integers(2)], target
    return _with(lambda archive: _add(archive, member), suffix)


def _device(rng: np.random.Generator, suffix: str) -> bytes:
    if suffix in (".zip", ".whl"):
        info = zipfile.ZipInfo("top/d.bin")
        info.external_attr = 0o020666 << 16
        return _with(lambda archive: archive.writestr(info, b""), suffix)
    member = tarfile.TarInfo("top/d.bin")
    member.type = (tarfile.CHRTYPE, tarfile.FIFOTYPE)[rng.integers(2)]
    return _with(lambda archive: _add(archive, member), suffix)


def _bomb(rng: np.random.Generator, suffix: str) -> bytes:
    """Small packed, large unpacked."""
    size = int(rng.integers(MAX_BYTES, 30 * MAX_BYTES))
    return _packed(suffix, {"top/a.bin": bytes(size), "top/b.bin": b"b", "top/c.bin": b"c"})


def _many(rng: np.random.Generator, suffix: str) -> bytes:
    return _packed(suffix, {f"top/{place}.bin": b"x" for place in range(int(rng.integers(51, 300)))})


def _twice(rng: np.random.Generator, suffix: str) -> bytes:
    if suffix in (".zip", ".whl"):
        return _with(lambda archive: archive.writestr(zipfile.ZipInfo("top/a.bin"), b"other"), suffix)
    return _with(lambda archive: _add(archive, tarfile.TarInfo("top/a.bin"), b"other"), suffix)


def _few(rng: np.random.Generator, suffix: str) -> bytes:
    return _packed(suffix, {"top/a.bin": b"a"})


HOSTILE: dict[str, Callable[[np.random.Generator, str], bytes]] = {
    "a name outside": _outside,
    "a link": _link,
    "a device": _device,
    "a bomb": _bomb,
    "many files": _many,
    "a name twice": _twice,
    "too few files": _few,
}
