"""Readers of packages, by the client of each index: pip, npm, and installed packages.

No package's code is run.
"""

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from clrface.fetch.reader import Failed, timeout_s
from clrface.fetch.sources import Archive

NO_SPACE = "No space left on device"


def from_pypi(archive: Archive, part: Path) -> Path:
    """Download a package's wheel at a pinned version by `pip download`, from pip's configured
    index.

    The package's code isn't run: source distributions are refused, so nothing is built.

    Raises: Failed where pip can't reach the index, or gives no file or another one.
    """
    wanted = f"{archive.locator['package']}=={archive.locator['version']}"
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check", "--retries=1"]
    options.append(f"--timeout={timeout_s():g}")
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


def from_npm(archive: Archive, part: Path) -> Path:
    """Download a package's tarball at a pinned version by `npm pack`, from npm's configured
    registry.

    None of its scripts is run.

    Raises: Failed where npm isn't installed, can't reach the registry, or gives no file or another
    one.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise Failed("npm isn't installed: install Node.js (Debian, Ubuntu: apt install npm), or get the file by hand")
    wanted = f"{archive.locator['package']}@{archive.locator['version']}"
    wait_ms = round(1000 * timeout_s())
    options = ["--ignore-scripts", "--fetch-retries=1", f"--fetch-timeout={wait_ms}", "--no-update-notifier", "--no-audit"]
    with _workshop(part, ".npm") as folder:
        command = [npm, "pack", wanted, *options, "--pack-destination", "."]
        ended = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False, cwd=folder)
        if ended.returncode != 0:
            raise _npm_failure(ended.stderr)
        (path,) = folder.glob("*.tgz")
        if path.name != archive.file:
            raise Failed(f"the registry gave {path.name}, but expected {archive.file}")
        return path.replace(part)


def from_installed(archive: Archive, part: Path) -> Path:
    """Use a file of a package that requirements.lock installs; the package itself isn't imported.

    Raises: Failed for a package or a file that isn't there.
    """
    package, inside = archive.locator["package"], archive.locator["path_in_package"]
    try:
        path = Path(str(distribution(package).locate_file(inside)))
    except PackageNotFoundError:
        raise Failed("the package isn't installed: make setup installs it") from None
    if not path.is_file():
        raise Failed(f"the package, version {distribution(package).version}, has no file {inside}")
    return path


@contextmanager
def _workshop(part: Path, suffix: str) -> Iterator[Path]:
    """Yield an empty folder beside `part` for a tool that chooses its own file names; a killed
    run's files are removed first.
    """
    folder = part.with_name(part.name + suffix)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip_failure(complaints: str) -> Exception:
    if NO_SPACE in complaints:
        return OSError(errno.ENOSPC, NO_SPACE)
    lines = [line.removeprefix("ERROR: ") for line in complaints.splitlines() if line.startswith("ERROR: ")]
    unreachable = "Retrying (" in complaints or "timed out" in complaints
    said = (lines or complaints.splitlines() or ["nothing"])[0]
    return Failed(f"pip could not reach the package index ({said})" if unreachable else f"pip said: {said}", transient=unreachable)


def _npm_failure(complaints: str) -> Exception:
    if "ENOSPC" in complaints:
        return OSError(errno.ENOSPC, NO_SPACE)
    lines = [line.removeprefix("npm error ") for line in complaints.splitlines() if line.startswith("npm error ")]
    codes = [line.removeprefix("code ") for line in lines if line.startswith("code ")]
    unreachable = bool({"ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "ECONNRESET", "EAI_AGAIN"} & set(codes))
    said = " ".join([*codes, *([line for line in lines if not line.startswith(("code ", "A complete log"))][:1])]) or "nothing"
    return Failed(f"npm could not reach the registry ({said})" if unreachable else f"npm said: {said}", transient=unreachable)
