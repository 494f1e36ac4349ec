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
from clrface.paths import root

CONFIG = {
    "protocol": "distortion",
    "bootstrap": 20,
    "chunk": 3,
    "device": "cpu",
    "datasets": {"orl": {"identities": 3, "images_per_identity": 2}, "lfw25": None},
    "tables": {"table1": {"datasets": ["orl"], "methods": ["input", "nlm"]}, **{f"table{n}": None for n in (2, 3, 4, 5)}},
}
COPIED = ("clrface", "config", "workflow", "profiles", "Snakefile", "environment.yml")
TABLE = Path("results/table1.csv")
LIMIT_S = 400
FULL_KIB = (24, 320)
"""Sizes of the file system; the whole run needs about 400 KiB of it."""


def kill_trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """A run, and every process of it, killed up to three times, then run to its end."""
    waits = [float(share) * _seconds() for share in rng.random(int(rng.integers(1, 4)))]

    def run() -> None:
        _project(folder)
        for wait in waits:
            _kill_after(folder, wait)
            _check_table(folder, may_lack=True)
        code, said = _snakemake(folder)
        if code:
            raise Wrong(f"after the kills the run ended with {code}: {said[-600:]}")
        _check_table(folder)

    return Attempt("killed after " + ", ".join(f"{wait:.1f} s" for wait in waits), run)


def disk_trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """A run whose results lie on a small file system, that is full; then on the same one, made larger."""
    size = int(rng.integers(*FULL_KIB))

    def run() -> None:
        _project(folder)
        with _mounted(folder / "results", size):
            code, said = _snakemake(folder)
            _check_table(folder, may_lack=code != 0)
            if code == 0:
                return  # the disk was large enough
            told = [line for line in said.splitlines() if "No space left" in line]
            if not told:
                raise Wrong(f"no word of the full disk: {said[-600:]}")
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder / "results")], check=True)
            code, said = _snakemake(folder)
            if code:
                raise Wrong(f"with room again, the run ended with {code}: {said[-600:]}")
            _check_table(folder)

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


def _start(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "small.yaml", "--", str(TABLE)]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "NO_COLOR": "1", "CLRFACE_SHOW": "no"},
    )


def _snakemake(folder: Path) -> tuple[int, str]:
    process = _start(folder)
    try:
        said, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Wrong(f"the run hung for {LIMIT_S} s") from None
    return process.returncode, said


def _kill_after(folder: Path, seconds: float) -> None:
    process = _start(folder)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _check_table(folder: Path, may_lack: bool = False) -> None:
    path = folder / TABLE
    if may_lack and not path.exists():
        return
    if path.read_bytes() != _unbroken()[0]:
        raise Wrong(f"another table: {path.read_text(encoding='utf-8')[:400]}")


def _seconds() -> float:
    return _unbroken()[1]


@functools.cache
def _unbroken() -> tuple[bytes, float]:
    """The table of a run that nothing disturbs, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="clrface-unbroken-") as scratch:
        _project(Path(scratch))
        begun = time.monotonic()
        code, said = _snakemake(Path(scratch))
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
