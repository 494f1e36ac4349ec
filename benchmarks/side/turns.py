"""Run a contest: both sides once untimed, whose outcomes are compared, then in turns."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.side.peer import NotRunError, Peer
from benchmarks.side.rows import Contest, Row, largest_difference
from benchmarks.side.task import Seconds, timed

LEAST_TURN_S = 0.2
"""A turn of less is repeated: the clock and the system's other work would count too much."""

SURELY_LONG_S = 5.0
"""A warm-up of more is that of a run that fills a turn."""


def run_contest(contest: Contest, python: Path, torch_home: Path, turns: int, tell: Callable[[str], None]) -> Row:
    """Ours, theirs, ours, theirs, ...; a row that says so where the peer can't run.

    Args:
        python: the peers' interpreter.
        torch_home: where the peers find their weights.
        tell: gets what is done.
    """
    with ExitStack() as stack:
        try:
            tell("the peer starts")
            peer = stack.enter_context(Peer(python, torch_home))
            peer.find(contest.needs, contest.clones)
            contest.prepare()
            version = peer.make(contest.task, contest.package, dict(contest.options))
            tell("warm-up of the peer")
            theirs = peer.outcome()
            tell("warm-up of ours")
            task = contest.make()
            started = time.perf_counter()
            ours = np.asarray(task.outcome())
            warm_up_s = time.perf_counter() - started
            repeats = 1 if warm_up_s > SURELY_LONG_S else repeats_for(min(timed(task.run, 1).wall, peer.seconds(1).wall))
            times: list[tuple[Seconds, Seconds]] = []
            for turn in range(turns):
                tell(f"turn {turn + 1} of {turns}")
                times.append((timed(task.run, repeats), peer.seconds(repeats)))
        except NotRunError as error:
            return Row(contest, why=str(error))
    apart, agrees = largest_difference(ours, theirs), contest.tolerance.holds(ours, theirs)
    return Row(contest, contest.version or version, [own for own, _ in times], [other for _, other in times], apart, agrees)


def repeats_for(once_s: float) -> int:
    """How often a run of `once_s` seconds fills a turn."""
    return max(1, math.ceil(LEAST_TURN_S / once_s))
