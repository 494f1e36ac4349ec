"""A peer's process as this one sees it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.side.task import Seconds

ROOT = Path(__file__).resolve().parents[2]


class NotRunError(Exception):
    """The peer isn't there, or its code stopped; the message says why."""


class Peer:
    """A process of the interpreter `python`, in an empty folder; it ends with the block."""

    def __init__(self, python: Path, torch_home: Path):
        self._folder = tempfile.TemporaryDirectory(prefix="clrface-peer-")
        self._said = (Path(self._folder.name) / "stderr.txt").open("w+", encoding="utf-8", errors="replace")
        home = Path(self._folder.name) / "home"
        home.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TORCH_HOME": str(torch_home)}
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.side.worker"],
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        if kind:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._said.close()
        self._folder.cleanup()

    def find(self, names: Sequence[str], clones: Sequence[Path]) -> None:
        """Put clones on its path, and look for packages. Raises: NotRunError that names those that are missing."""
        missing = self._ask(do="find", names=names, clones=[str(clone) for clone in clones])["missing"]
        if missing:
            raise NotRunError(f"no {', '.join(missing)} in the environment of --python, nor in a clone given by --peer")

    def make(self, task: str, package: str, options: dict[str, Any]) -> str:
        """Make a task; return the package's version, if it has one. Raises: NotRunError, as all that follow."""
        return self._ask(do="make", task=task, package=package, options=options)["version"]

    def outcome(self) -> np.ndarray:
        """Do the work once, and return its numbers."""
        path = Path(self._folder.name) / "outcome.npy"
        self._ask(do="check", out=str(path))
        return np.load(path)

    def seconds(self, repeats: int) -> Seconds:
        """Run so often; the seconds are of one run."""
        return Seconds(**self._ask(do="run", repeats=repeats))

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise NotRunError(self._last_words())
        answer = json.loads(line)
        if "failed" in answer:
            raise NotRunError(answer["failed"])
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        lines = self._said.read().strip().splitlines()
        return f"its process ended with {code}" + (f": {lines[-1]}" if lines else "")
