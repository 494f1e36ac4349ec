"""Run a peer's code by the environment that it needs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Finished(NamedTuple):
    """What it printed, its last line, and whether it failed."""

    said: str
    last: str
    failed: bool


def finished(command: Sequence[Path | str], folder: Path | str, *searched: Path) -> Finished:
    """Run a command in `folder`, which is also where torch keeps downloads; modules are searched for under `searched` first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, searched)), "TORCH_HOME": str(folder)}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
    lines = (done.stdout + done.stderr).strip().splitlines()
    return Finished(done.stdout, lines[-1] if lines else f"it ended with {done.returncode} and said nothing", done.returncode != 0)
