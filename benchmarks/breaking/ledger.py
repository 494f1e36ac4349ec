"""Trials, and the book that they are written into: a line each, so that a stopped run goes on."""

import csv
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clrface.errors import UserError
from clrface.seeds import generator

RIGHT, REFUSED = "right", "refused"
FAULTS = ("wrong", "traceback", "hang")
OUTCOMES = (RIGHT, REFUSED, *FAULTS)
COLUMNS = ("trial", "what", "outcome", "said")


class Wrong(Exception):
    """A trial's finding: a result that isn't the right one, or a refusal that was not due, or none that was."""


class Hang(BaseException):
    """A trial took too long. No Exception, so that no reader takes it for a damaged file."""


@dataclass(frozen=True)
class Part:
    """One kind of trial. `trial` gets its random numbers and an empty folder, and returns what it tried and how that was answered.

    It returns `right`, or raises UserError (one message), or anything else (a fault).
    """

    name: str
    trial: Callable[[np.random.Generator, Path], "Attempt"]
    limit_s: float = 20.0


@dataclass
class Attempt:
    """What is tried: told before it is done, so that a fault has a name. `run` may return what there is to say of a right outcome."""

    what: str
    run: Callable[[], str | None]


def run_part(part: Part, count: int, seed: int, out: Path, scratch: Callable[[int], Path]) -> Counter[str]:
    """Make the trials that the part's book lacks, and count all of its outcomes."""
    book = out / f"{part.name}.csv"
    done = read_book(book)
    with book.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for trial in range(count):
            if trial not in done:
                rng = generator(seed, "chaos", part.name, str(trial))
                what, outcome, said = judged(part, rng, scratch(trial))
                done[trial] = (what, outcome)
                writer.writerow([trial, what, outcome, said])
                handle.flush()
    return Counter(outcome for _, outcome in done.values())


def read_book(book: Path) -> dict[int, tuple[str, str]]:
    """Trial to what was tried and its outcome; none without a book. A line that a kill cut short is left out, and tried again."""
    if not book.is_file():
        return {}
    with book.open(newline="", encoding="utf-8") as handle:
        return {int(row["trial"]): (row["what"], row["outcome"]) for row in csv.DictReader(handle) if row["outcome"] in OUTCOMES}


def judged(part: Part, rng: np.random.Generator, folder: Path) -> tuple[str, str, str]:
    """What was tried, the outcome, and what was said of it."""
    what = "preparing"
    try:
        with _limit(part.limit_s):
            attempt = part.trial(rng, folder)
            what = attempt.what
            said = attempt.run()
    except UserError as error:
        return what, *_refusal(str(error))
    except Wrong as error:
        return what, "wrong", str(error)
    except Hang:
        return what, "hang", f"more than {part.limit_s:g} s"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return what, "traceback", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return what, RIGHT, said or ""


def _refusal(said: str) -> tuple[str, str]:
    """A message must say something, and not be a traceback."""
    if not said.strip() or "Traceback (most recent call last)" in said:
        return "traceback", said
    return REFUSED, said


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def table(counts: dict[str, Counter[str]]) -> str:
    """Outcomes by part, as Markdown."""
    lines = ["| part | trials | right | refused | wrong | traceback | hang |", "|---|---|---|---|---|---|---|"]
    for name, found in counts.items():
        cells = [str(found[outcome]) for outcome in OUTCOMES]
        lines.append(f"| {name} | {found.total()} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
