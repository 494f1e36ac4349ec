"""A whole command of a peer: the start of Python, its imports, the work and the printing."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

from benchmarks.side.task import Task


def command(module: str, words: list[str], patterns: list[str]) -> Task:
    """`python -m MODULE WORDS`, and the numbers that it prints: the one group of each pattern.

    It is started by this file, which makes torchvision importable where it is another build than torch.
    """
    line = [sys.executable, str(Path(__file__)), module, *words]

    def run() -> list[float]:
        done = subprocess.run(line, capture_output=True, text=True, errors="replace")
        found = [re.search(pattern, done.stdout) for pattern in patterns]
        if done.returncode or not all(found):
            said = (done.stdout + done.stderr).strip().splitlines()
            raise RuntimeError(f"{module} ended with {done.returncode}: {said[-1] if said else 'it said nothing'}")
        return [float(one[1]) for one in found if one]

    return Task(run)


if __name__ == "__main__":
    from benchmarks.side.worker import make_torchvision_importable

    make_torchvision_importable()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
