"""Files that are whole or absent: written beside, then renamed; and their checksums."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clrface.errors import UserError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; on leaving without an error, rename it to `target`.

    Whatever goes wrong, `target` is either its old self or complete. The temporary name keeps the suffix,
    since writers choose their format by it.

    Raises: UserError when the disk is full or the folder may not be written to.
    """
    target = Path(target)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o644)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    except OSError as error:
        raise explain_os_error(error, target) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Check, before the work for it, that a file can be written. Raises: UserError for a folder, and where nothing may be written."""
    if target.is_dir():
        raise UserError(f"{target} is a folder, but expected the file to write, e.g. {target / 'table.csv'}.")
    there = next(folder for folder in target.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"May not write {target}: {there} is no folder that may be written to. Give another path.")


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(Path(target)) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sha256_file(path: Path) -> str:
    """The file's SHA-256 as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def explain_os_error(error: OSError, target: Path) -> Exception:
    """A UserError for a full disk or a folder that may not be written to; any other error as it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"No space left while writing {target}. Nothing half-written was kept. "
            "Free some space (or move the project to a larger disk) and run the same command again: it goes on from here."
        )
    if error.errno in (errno.EACCES, errno.EROFS):
        return UserError(f"May not write {target} ({error.strerror}). Make its folder writable and run the same command again.")
    return error
