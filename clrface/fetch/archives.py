"""Extract members from an untrusted archive: zip, tar (gz, xz, bz2), a stack of images (npy), a
folder, or a file.

Only plain files are written, only under the given folder, and no more files and bytes than allowed.
"""

import hashlib
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from clrface.errors import UserError
from clrface.fetch.progress import progress

CHUNK_BYTES = 1 << 20
ZIP_SUFFIXES = (".whl", ".zip")
STACK_SUFFIX = ".npy"
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, struct.error, RuntimeError, NotImplementedError)
"""What Python's readers raise for an archive that is truncated, damaged, encrypted or of an unknown
compression.
"""

Kind = Literal["file", "folder", "link", "device"]


class BadArchive(UserError):
    """An archive that can't be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The archive {path} {reason}. Nothing of it was kept. Get it again from its publisher, "
            "or correct the source's entry in clrface/catalogue/sources.yaml."
        )


class Taken(NamedTuple):
    """A file that was written."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Limits:
    """The most that may be written, whatever the archive's own lists say."""

    files: int
    total_bytes: int


@dataclass(frozen=True)
class Member:
    """One entry of an archive."""

    name: str
    kind: Kind
    open: Callable[[], Any]
    """A readable binary stream of a file's content."""


def extract(path: Path, file_name: str, folder: Path, wanted: Callable[[str], str | None], limits: Limits) -> dict[str, Taken]:
    """Write the wanted members of the archive at `path` under `folder`.

    Args:
        file_name: the archive's published name; its suffix says how to read it (a mirror may use
            another name).
        wanted: from a member's name to the name to write it as, relative to `folder`; None skips
            it.

    Returns: each file written, by that name.

    Raises: BadArchive for a name that leaves the folder (wanted or not), a wanted link or device, a
    name listed twice, more files or bytes than `limits`, and a damaged archive.
    """
    taken: dict[str, Taken] = {}
    left_bytes = limits.total_bytes
    try:
        for member in progress(_members(path, file_name), desc=file_name, unit="file"):
            if _leaves(member.name):
                raise BadArchive(path, f"names '{member.name}', which lies outside its own folder")
            name = wanted(str(PurePosixPath(member.name)))
            if name is None or member.kind == "folder":
                continue
            if member.kind != "file":
                raise BadArchive(path, f"holds '{member.name}' as a {member.kind}; only plain files are taken")
            if len(taken) == limits.files:
                raise BadArchive(path, f"holds more than the allowed {limits.files:,} files (max_files)")
            taken[name] = _copy(member, folder / name, path, left_bytes, limits)
            left_bytes -= taken[name].bytes
    except DAMAGE as error:
        raise BadArchive(path, f"is damaged, cut short or encrypted ({error})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise BadArchive(path, f"is damaged or cut short ({error})") from error
    return taken


def _copy(member: Member, target: Path, path: Path, left_bytes: int, limits: Limits) -> Taken:
    digest, size_bytes = hashlib.sha256(), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = target.open("xb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise BadArchive(path, f"holds '{member.name}' twice") from None
    # The bytes that come out are counted: an archive may lie about how many there are.
    with out, member.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > left_bytes:
                raise BadArchive(path, f"holds more than the allowed {limits.total_bytes:,} bytes (max_bytes)")
            digest.update(chunk)
            out.write(chunk)
    return Taken(digest.hexdigest(), size_bytes)


def _leaves(name: str) -> bool:
    """Return whether a name is absolute or leaves the folder, on this system or on Windows."""
    readings = (PurePosixPath(name), PureWindowsPath(name))
    return any(reading.anchor or ".." in reading.parts for reading in readings)


def _members(path: Path, file_name: str) -> Iterator[Member]:
    if path.is_dir():
        return _folder_members(path)
    if file_name.endswith(ZIP_SUFFIXES):
        return _zip_members(path)
    if file_name.endswith(TAR_SUFFIXES):
        return _tar_members(path)
    if file_name.endswith(STACK_SUFFIX):
        return _stack_members(path)
    return iter([Member(file_name, "file", partial(path.open, "rb"))])


def _folder_members(folder: Path) -> Iterator[Member]:
    """Yield the members of the user's own folder.

    Its links are followed, since its owner could also copy the files.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield Member(path.relative_to(folder).as_posix(), "file", partial(path.open, "rb"))


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield Member(info.filename, _zip_kind(info), partial(archive.open, info))


def _zip_kind(info: zipfile.ZipInfo) -> Kind:
    """Return the kind by the Unix mode in the upper half of the attributes, which is 0 for archives
    made elsewhere.
    """
    form = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or form == stat.S_IFDIR:
        return "folder"
    if form == stat.S_IFLNK:
        return "link"
    return "file" if form in (0, stat.S_IFREG) else "device"


def _stack_members(path: Path) -> Iterator[Member]:
    """Yield the grey images of an array (n, H, W), uint8 or floats in [0, 1], as 0000.pgm,
    0001.pgm, ...

    PGM's bytes depend on no library.
    """
    try:
        stack = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise BadArchive(path, f"is no array of numbers ({error})") from error
    if np.issubdtype(stack.dtype, np.floating) and stack.size and 0 <= stack.min() <= stack.max() <= 1:
        stack = np.rint(stack * 255).astype(np.uint8)
    if stack.ndim != 3 or stack.dtype != np.uint8:
        raise BadArchive(path, f"holds {stack.dtype} of shape {stack.shape}; expected grey images, (n, H, W), uint8 or in [0, 1]")
    for place, image in enumerate(stack):
        content = b"P5 %d %d 255\n" % image.shape[::-1] + image.tobytes()
        yield Member(f"{place:04d}.pgm", "file", partial(io.BytesIO, content))


def _tar_members(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:*") as archive:
        for info in archive:
            yield Member(info.name, _tar_kind(info), partial(_tar_stream, archive, info))
        _read_to_its_end(archive)


def _read_to_its_end(archive: tarfile.TarFile) -> None:
    """Read the rest of a compressed tar, whose checksum follows the last member."""
    assert archive.fileobj is not None, "an open archive has a file"
    while archive.fileobj.read(CHUNK_BYTES):
        pass


def _tar_kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return "link"
    return "file" if info.isfile() else "device"


def _tar_stream(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    assert stream is not None, "extractfile gives a stream for every plain file"
    return stream
