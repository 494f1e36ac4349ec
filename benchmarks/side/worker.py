"""A peer's process: it makes tasks and runs them as it is told, a line of JSON each on its standard input and output.

python -m benchmarks.side.worker      # started by benchmarks.side.peer, in the peer's environment
"""

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.side.task import Task, timed

LONGEST = 200
"""Letters of a failure that are told."""


def main() -> None:
    """Answer each order until the input ends. What packages print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for answer in _answers():
        print(json.dumps(answer), file=answers, flush=True)


def _answers() -> Iterator[dict[str, Any]]:
    task: Task | None = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "find":
                sys.path[:0] = order["clones"]
                yield {"missing": [name for name in order["names"] if find_spec(name) is None]}
            elif order["do"] == "make":
                task = _made(order)
                yield {"version": _version(order["package"])}
            elif order["do"] == "check":
                assert task
                _save(task.outcome(), Path(order["out"]))
                yield {}
            else:
                assert task
                yield timed(task.run, order["repeats"])._asdict()
        except Exception as error:  # anything that a peer's code raises is an answer
            yield {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]}


def _made(order: dict[str, Any]) -> Task:
    make_torchvision_importable()
    module, _, function = order["task"].partition(":")
    return getattr(import_module(module), function)(**order["options"])


def make_torchvision_importable() -> None:
    """In our own environment torchvision may be another build than torch."""
    try:
        from clrface.torchvision_import import prepare
    except ModuleNotFoundError:  # no torch
        return
    prepare()


def _save(outcome: Any, path: Path) -> None:
    import numpy as np

    np.save(path, np.asarray(outcome))


def _version(package: str) -> str:
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
