"""Whole runs of a small table: killed at random times, and on disks that fill up; the table must come out the same to the last digit."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

from benchmarks.breaking.ledger import Attempt, Wrong
from clrface.errors import UserError
from clrface.forkserver import SOCKET
from clrface.forkserver.start import start_fork_server
from clrface.paths import root

CONFIG = {
    "protocol": "distortion",
    "bootstrap": 20,
    "chunk": 2,
    "device": "cpu",
    "datasets": {"orl": {"identities": 3, "images_per_identity": 2}, "lfw25": None},
    "tables": {"table1": {"datasets": ["orl"], "methods": ["input", "nlm"]}, **{f"table{n}": None for n in (2, 3, 4, 5)}},
}
COPIED = ("clrface", "config", "workflow", "profiles", "Snakefile", "environment.yml")
TABLE = Path("results/table1.csv")
LIMIT_S = 400
FORKS = ("a server of all runs", "its own server", "no server")
"""Whose forks the steps are. Only the first server outlives the killed runs."""
FULL_KIB = (24, 240)
"""Sizes of the file system; the whole run needs about 240 KiB."""


def kill_trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """A run, and every process of it, killed up to seven times, then run to its end."""
    forks = FORKS[int(rng.integers(len(FORKS)))]
    starts = int(rng.integers(2, 8))
    # A run that goes on has less left to do.
    waits = [float(share) * _unbroken(forks)[1] * 0.8**start for start, share in enumerate(rng.random(starts))]

    def run() -> str:
        _project(folder)
        killed = 0
        for wait in waits:
            killed += _kill_after(folder, wait, forks)
            _check_table(folder, may_lack=True)
        code, said = _snakemake(folder, forks)
        if code:
            raise Wrong(f"after the kills the run ended with {code}: {said[-600:]}")
        _check_table(folder)
        return f"{killed} kills"

    return Attempt(f"forks of {forks}, killed after " + ", ".join(f"{wait:.1f} s" for wait in waits), run)


def disk_trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """A run whose results lie on a small file system, that is full; then on the same one, made larger."""
    size = int(rng.integers(*FULL_KIB))

    def run() -> str:
        _project(folder)
        with _mounted(folder / "results", size):
            code, said = _snakemake(folder)
            _check_table(folder, may_lack=code != 0)
            if code == 0:
                return "large enough"
            told = [line for line in said.splitlines() if "No space left" in line]
            if not told:
                raise Wrong(f"no word of the full disk: {said[-600:]}")
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder / "results")], check=True)
            code, said = _snakemake(folder)
            if code:
                raise Wrong(f"with room again, the run ended with {code}: {said[-600:]}")
            _check_table(folder)
            return "full"

    return Attempt(f"a disk of {size} KiB", run)


def _project(folder: Path) -> None:
    """A copy of the project, with its sources linked and the small config."""
    for name in COPIED:
        if (root() / name).is_dir():
            shutil.copytree(root() / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root() / name, folder / name)
    (folder / "data").mkdir()
    (folder / "data" / "raw").symlink_to((root() / "data" / "raw").resolve())
    (folder / "models").symlink_to((root() / "models").resolve())
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")


def _start(folder: Path, forks: str) -> "subprocess.Popen[str]":
    start_fork_server(Path(tempfile.gettempdir()) / "clrface-chaos-forks.log")
    told = {"its own server": {}, "a server of all runs": {SOCKET: os.environ.get(SOCKET, "no")}, "no server": {SOCKET: "no"}}[forks]
    inherited = {name: value for name, value in os.environ.items() if name != SOCKET}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "small.yaml", "--", str(TABLE)]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=inherited | told | {"NO_COLOR": "1", "CLRFACE_SHOW": "no"},
    )


def _snakemake(folder: Path, forks: str = FORKS[0]) -> tuple[int, str]:
    process = _start(folder, forks)
    try:
        said, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Wrong(f"the run hung for {LIMIT_S} s") from None
    return process.returncode, said


def _kill_after(folder: Path, seconds: float, forks: str) -> bool:
    """Return whether the run was killed: it may have ended before."""
    process = _start(folder, forks)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def _check_table(folder: Path, may_lack: bool = False) -> None:
    path = folder / TABLE
    if may_lack and not path.exists():
        return
    if path.read_bytes() != _unbroken("no server")[0]:
        raise Wrong(f"another table: {path.read_text(encoding='utf-8')[:400]}")


@functools.cache
def _unbroken(forks: str) -> tuple[bytes, float]:
    """The table of a run that nothing disturbs, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="clrface-unbroken-") as scratch:
        _project(Path(scratch))
        begun = time.monotonic()
        code, said = _snakemake(Path(scratch), forks)
        if code:
            raise UserError(f"The small table can't be made here:\n{said[-1500:]}")
        return (Path(scratch) / TABLE).read_bytes(), time.monotonic() - begun


@contextmanager
def _mounted(folder: Path, kib: int) -> Iterator[None]:
    """A file system in memory of so many KiB. Raises: UserError where it may not be mounted."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"Can't mount a file system in memory ({done.stderr.strip()}). Run --disks as root, or leave it out.")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
