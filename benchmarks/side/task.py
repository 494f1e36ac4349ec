"""What a side does, and how long it takes. Only the standard library: peers' environments use it too."""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""The variables by which libraries take their number of threads."""


@contextmanager
def held_to(threads: int) -> Iterator[None]:
    """Hold this process, and those that it starts, to so many threads, and where the system can to as many cores.

    A library that is loaded already reads no variable: torch is told; the cores hold the others.
    """
    before, cores = dict(os.environ), _cores()
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    if cores:
        os.sched_setaffinity(0, sorted(cores)[:threads])
    torch = sys.modules.get("torch")
    own = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if cores:
            os.sched_setaffinity(0, cores)
        if torch:
            torch.set_num_threads(own)


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@dataclass(frozen=True)
class Task:
    """A side's work, ready to run: what is loaded once is loaded."""

    run: Callable[[], Any]
    """What is timed."""
    check: Callable[[], Any] | None = None
    """The numbers or pixels of the work, for comparison with the other side's; `run`'s own when None."""

    def outcome(self) -> Any:
        """Do the work once, untimed: the warm-up, and what is compared."""
        return (self.check or self.run)()


class Seconds(NamedTuple):
    """How long a run took."""

    wall: float
    processor: float
    """Of this process, its threads and the processes that it started and that ended."""


def timed(run: Callable[[], Any], repeats: int) -> Seconds:
    """Run `repeats` times; the seconds are of one run."""
    wall, processor = time.perf_counter(), _processor_s()
    for _ in range(repeats):
        run()
    return Seconds((time.perf_counter() - wall) / repeats, (_processor_s() - processor) / repeats)


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
