"""What is compared, the ratios of both sides' seconds, and the table of them."""

import csv
import io
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.side.task import Seconds, Task


@dataclass(frozen=True)
class Tolerance:
    """How far both sides' outcomes may lie apart: `absolute + relative * |theirs|` in every place, in `unit`."""

    absolute: float = 0.0
    relative: float = 0.0
    unit: str = ""

    def holds(self, ours: np.ndarray, theirs: np.ndarray) -> bool:
        """Whether all places agree."""
        return ours.shape == theirs.shape and bool((_apart(ours, theirs) <= self.absolute + self.relative * np.abs(theirs)).all())

    def __str__(self) -> str:
        parts = [f"{self.absolute:g} {self.unit}".strip()] if self.absolute else []
        return " + ".join([*parts, *([f"{self.relative:g} of it"] if self.relative else [])])


@dataclass(frozen=True)
class Contest:
    """One thing that both sides do."""

    group: str
    ours_is: str
    peer: str
    theirs_is: str
    make: Callable[[], Task]
    """Ours."""
    task: str
    """Theirs, `module:function`, in the peer's environment."""
    options: Mapping[str, Any]
    images: int
    tolerance: Tolerance
    package: str = ""
    """The peer's distribution in its environment, for its version."""
    version: str = ""
    """A clone's."""
    needs: tuple[str, ...] = ()
    """Packages that the peer must find."""
    clones: tuple[Path, ...] = ()
    """Where it looks first."""
    aim: float | None = None
    """The ratio that is asked for."""
    weights: str = "none"
    note: str = ""
    prepare: Callable[[], None] = lambda: None
    """Writes what both sides read."""

    @property
    def name(self) -> str:
        """`metrics:psnr_eps`"""
        return f"{self.group}:{self.ours_is}"


class Spread(NamedTuple):
    """Of several values."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """NaN of none."""
        return cls(statistics.median(values), min(values), max(values)) if values else cls(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Row:
    """A contest's outcome: the seconds of each turn. Without any, `why` says why."""

    contest: Contest
    version: str = ""
    ours: Sequence[Seconds] = ()
    theirs: Sequence[Seconds] = ()
    apart: float = math.nan
    """The largest difference of both sides' outcomes."""
    agrees: bool = False
    why: str = field(default="", kw_only=True)

    @property
    def ratio(self) -> Spread:
        """The peer's seconds over ours, of each pair of turns."""
        return Spread.of([theirs.wall / ours.wall for ours, theirs in zip(self.ours, self.theirs, strict=True)])

    @property
    def processor_ratio(self) -> float:
        """The same of processor seconds, the median: other work on the machine counts less."""
        return Spread.of([theirs.processor / ours.processor for ours, theirs in zip(self.ours, self.theirs, strict=True)]).median

    @property
    def an_image(self) -> tuple[float, float]:
        """Ours and theirs: the median turn's seconds an image."""
        ours, theirs = (Spread.of([one.wall for one in side]).median / self.contest.images for side in (self.ours, self.theirs))
        return ours, theirs

    @property
    def verdict(self) -> str:
        """What is wrong, or whether the aim is met."""
        if self.why:
            return f"not run: {self.why}"
        aim = self.contest.aim
        told = "" if aim is None else f"aim {aim:g}: {self._reached(aim)}"
        return "; ".join(part for part in ("" if self.agrees else "DIFFERS", told, self.contest.note) if part)

    def _reached(self, aim: float) -> str:
        median, _, highest = self.ratio
        return "met" if median >= aim else "within the spread" if highest >= aim else "MISSED"


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """NaN for two shapes."""
    return float(_apart(ours, theirs).max()) if ours.shape == theirs.shape else math.nan


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs(ours.astype(np.float64) - theirs.astype(np.float64))


COLUMNS = (
    *("group", "ours", "peer", "version", "theirs", "images", "ours_s_an_image", "theirs_s_an_image"),
    *("ratio", "ratio_lowest", "ratio_highest", "ratio_processor", "aim", "largest_difference", "tolerance", "weights", "verdict"),
)


def to_csv(rows: Sequence[Row]) -> str:
    """A line a row; what was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        told = row.contest
        numbers = [*row.an_image, *row.ratio, row.processor_ratio]
        known = [told.group, told.ours_is, told.peer, row.version, told.theirs_is, told.images]
        aim = "" if told.aim is None else f"{told.aim:g}"
        writer.writerow(
            [*known, *map(_exact, numbers), aim, _exact(row.apart), str(told.tolerance), told.weights, row.verdict],
        )
    return text.getvalue()


def _exact(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def to_markdown(rows: Sequence[Row], machine: str) -> str:
    """The machine's state, and the table."""
    sides = ["", "ours", "theirs", "images", "ours, s/image", "theirs, s/image"]
    header = [*sides, "theirs / ours", "of processor s", "apart, at most", "weights", ""]
    lines = [header, ["---"] * len(header), *([*_cells(row)] for row in rows)]
    return f"{machine}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row) -> list[str]:
    told = row.contest
    theirs = f"{told.peer}{f' {row.version}' if row.version else ''}: {told.theirs_is}"
    known = [told.group, told.ours_is, theirs, str(told.images)]
    if row.why:
        return [*known, *[""] * 5, told.weights, row.verdict]
    median, lowest, highest = row.ratio
    apart = f"{row.apart:.1e} {told.tolerance.unit}".strip() + f" ({told.tolerance})"
    seconds = [f"{value:.3g}" for value in row.an_image]
    ratios = [f"**{median:.2f}** ({lowest:.2f} to {highest:.2f})", f"{row.processor_ratio:.2f}"]
    return [*known, *seconds, *ratios, apart, told.weights, row.verdict]
