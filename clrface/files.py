"""Write files whole or not at all: written beside, then renamed; checksums; and logs of JSON lines."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clrface.errors import UserError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on leaving without an error, rename it to `target`.

    On any failure, `target` stays as it was. The temporary name keeps the suffix, by which writers
    choose the format.

    Raises: UserError for a full disk or a folder without write permission.
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
    """Check, before the work, that a file can be written.

    Raises: UserError for a folder, and without write permission.
    """
    if target.is_dir():
        raise UserError(f"{target} is a folder, but expected the file to write, e.g. {target / 'table.csv'}.")
    there = next(folder for folder in target.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"May not write {target}: {there} is no folder that may be written to. Give another path.")


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(Path(target)) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a log of JSON, an entry a line; [] where there is none.

    A line that is no entry is left out: a stop may have cut it short.
    """
    entries: list[dict[str, Any]] = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with suppress(ValueError):
            entry = json.loads(line)
            entries += [entry] if isinstance(entry, dict) else []
    return entries


def sha256_file(path: Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def explain_os_error(error: OSError, target: Path) -> Exception:
    """Return a UserError for a full disk or missing write permission; any other error unchanged."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"No space left while writing {target}. Nothing half-written was kept. "
            "Free some space (or move the project to a larger disk) and run the same command again: it goes on from here."
        )
    if error.errno in (errno.EACCES, errno.EROFS):
        return UserError(f"May not write {target} ({error.strerror}). Make its folder writable and run the same command again.")
    return error
