"""One reader a kind: how an archive gets from where it is published to this machine.

A reader does nothing but the transfer: mirrors, retries and checksums are `download`'s. All have one signature, and
a new kind is one function, one line in `READERS`, and its keys in workflow/schemas/sources.schema.json.
"""

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests

from clrface.fetch.progress import progress
from clrface.fetch.sources import Archive

CHUNK_BYTES = 1 << 14
"""What a broken connection loses at most: the chunk that it broke in."""
TIMEOUT_S = (10.0, 60.0)
"""To connect, and between two pieces of the answer."""
RETRIED_STATUS = (408, 425, 429)


class Failed(Exception):
    """What a place answered instead of the archive; `transient` when asking again may help."""

    def __init__(self, answer: str, *, transient: bool = False) -> None:
        super().__init__(answer)
        self.transient = transient


class Reader(Protocol):
    """Brings one archive to this machine."""

    def __call__(self, archive: Archive, part: Path) -> Path:
        """Write the archive to `part`, going on from what is there where the protocol allows.

        Returns `part`, or the place where the archive already lies on this machine, to be used there and left alone.
        Raises: Failed with the place's answer; OSError when the disk won't take it.
        """
        ...


def from_pypi(archive: Archive, part: Path) -> Path:
    """A package's wheel at a pinned version, by `pip download`, from whichever index pip is set up for.

    The package's code isn't run: no source distribution is taken, so nothing is built.
    """
    wanted = f"{archive.locator['package']}=={archive.locator['version']}"
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check", "--retries=1"]
    with _workshop(part, ".pip") as folder:
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), wanted]
        # pip's progress goes to our standard error, as all progress does; its complaints are kept for the message.
        ended = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False)
        if ended.returncode != 0:
            raise _pip_failure(ended.stderr)
        (path,) = folder.iterdir()
        if path.name != archive.file:
            raise Failed(f"the index gave {path.name}, but expected {archive.file}")
        return path.replace(part)


def from_url(archive: Archive, part: Path) -> Path:
    """A file at an http(s) address, resumed by a Range request, or at a file:// address, used where it lies."""
    url = archive.locator["url"]
    if urlsplit(url).scheme != "file":
        return _receive(url, archive, part)
    path = Path(url2pathname(urlsplit(url).path))
    if not path.is_file():
        raise Failed("no such file")
    return path


def from_github(archive: Archive, part: Path) -> Path:
    """A repository's files at a commit, as a tar.gz; `endpoint` names another server than the public one.

    GitHub makes these archives anew, so their checksum may change: the entry's manifest checks the members.
    """
    where = archive.locator
    endpoint = where.get("endpoint", "https://codeload.github.com")
    return _receive(f"{endpoint}/{where['repository']}/tar.gz/{where['commit']}", archive, part)


def from_gdrive(archive: Archive, part: Path) -> Path:
    """A file shared on Google Drive, by its id."""
    import gdown
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    quiet = not sys.stderr.isatty()
    try:
        gdown.download(id=archive.locator["id"], output=str(part), resume=True, quiet=quiet, use_cookies=False, timeout=TIMEOUT_S)
    except FileURLRetrievalError as error:
        raise Failed(f"Google Drive gave a page instead of the file ({' '.join(str(error).split())})") from error
    except DownloadError as error:
        raise Failed(_first_line(error), transient=True) from error
    except requests.RequestException as error:
        raise Failed(_cause(error), transient=True) from error
    return part


def from_hf(archive: Archive, part: Path) -> Path:
    """A file of a Hugging Face repository at a revision; `endpoint` names another hub than the public one."""
    from huggingface_hub import hf_hub_download

    where, folder = archive.locator, part.with_name(part.name + ".hf")
    try:
        path = hf_hub_download(
            where["repository"],
            where["path_in_repository"],
            revision=where["revision"],
            repo_type=where.get("repository_type"),
            endpoint=where.get("endpoint"),
            local_dir=folder,
        )
    except Exception as error:  # the hub's transport, and with it its errors, differ between versions
        if isinstance(error, OSError) and error.errno is not None:
            raise
        # Its client tried several times already, and put a general "not in the cache" over the cause.
        raise Failed(f"the hub said: {_first_line(error.__cause__ or error)}") from error
    Path(path).replace(part)
    shutil.rmtree(folder)
    return part


def from_installed(archive: Archive, part: Path) -> Path:
    """A file of a package that requirements.lock installs, used where it lies; the package itself isn't imported."""
    package, inside = archive.locator["package"], archive.locator["path_in_package"]
    try:
        path = Path(str(distribution(package).locate_file(inside)))
    except PackageNotFoundError:
        raise Failed("the package isn't installed: make setup installs it") from None
    if not path.is_file():
        raise Failed(f"the package, version {distribution(package).version}, has no file {inside}")
    return path


def from_folder(archive: Archive, part: Path) -> Path:
    """A folder of this machine, for files that have to be asked for by hand."""
    path = Path(archive.locator["path"])
    if not path.is_dir():
        raise Failed("no such folder")
    return path


def from_mirror(archive: Archive, part: Path) -> Path:
    """An archive with no public address: mirrors were looked into before, so nothing is left to try."""
    raise Failed("published nowhere else, and no mirror holds it")


READERS: dict[str, Reader] = {
    "pypi": from_pypi,
    "url": from_url,
    "github": from_github,
    "gdrive": from_gdrive,
    "hf": from_hf,
    "installed": from_installed,
    "folder": from_folder,
    "mirror": from_mirror,
}


@contextmanager
def _workshop(part: Path, suffix: str) -> Iterator[Path]:
    """An empty folder beside `part` for a tool that chooses its own file names; what a killed run left goes first."""
    folder = part.with_name(part.name + suffix)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip_failure(complaints: str) -> Exception:
    if "No space left on device" in complaints:
        return OSError(errno.ENOSPC, "No space left on device")
    lines = [line.removeprefix("ERROR: ") for line in complaints.splitlines() if line.startswith("ERROR: ")]
    unreachable = "Retrying (" in complaints or "timed out" in complaints
    said = (lines or complaints.splitlines() or ["nothing"])[0]
    return Failed(f"pip could not reach the package index ({said})" if unreachable else f"pip said: {said}", transient=unreachable)


def _receive(url: str, archive: Archive, part: Path) -> Path:
    """GET `url` into `part`, from the byte on where an earlier try stopped."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == archive.size_bytes:
        return part
    # Compressed on the way, the bytes would be others than those counted and summed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            resumed = _accept(response, archive, part, have)
            _write(response, archive, part, have if resumed else 0)
    except requests.RequestException as error:
        raise Failed(_cause(error), transient=True) from error
    return part


def _accept(response: requests.Response, archive: Archive, part: Path, have: int) -> bool:
    """True when the answer goes on from byte `have`, False when it starts anew. Raises: Failed for any other."""
    status = response.status_code
    if status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return True
    if status in (206, 416):
        part.unlink(missing_ok=True)
        raise Failed(f"the server would not go on from byte {have:,}; the part was removed", transient=True)
    if status != 200:
        raise Failed(f"the server answered {status} {response.reason}", transient=status >= 500 or status in RETRIED_STATUS)
    if response.headers.get("Content-Type", "").startswith("text/html") and not archive.file.endswith((".html", ".htm")):
        raise Failed("the server sent a web page instead of the file: it may want a log-in, a confirmation, or less traffic")
    return False


def _write(response: requests.Response, archive: Archive, part: Path, have: int) -> None:
    expected = archive.size_bytes
    bar = progress(desc=archive.file, initial=have, total=expected, unit="B", unit_scale=True, unit_divisor=1024)
    with bar, part.open("ab" if have else "wb") as out:
        for chunk in response.iter_content(CHUNK_BYTES):
            have += len(chunk)
            if expected is not None and have > expected:
                break
            out.write(chunk)
            bar.update(len(chunk))
    if expected is not None and have > expected:
        part.unlink()
        raise Failed(f"the server sent more than the expected {expected:,} bytes; they were removed")
    # An answer that announced its length and kept it is complete: if it is too short, it is another file.
    if expected is not None and have < expected and "Content-Length" not in response.headers:
        raise Failed(f"the server stopped at {have:,} of {expected:,} bytes", transient=True)


def _cause(error: requests.RequestException) -> str:
    """The reason under the layers that urllib3 and requests wrap around it."""
    inner = error.args[0] if error.args else error
    reason = getattr(inner, "reason", None) or inner
    return str(reason.args[0] if isinstance(reason, Exception) and reason.args else reason)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
