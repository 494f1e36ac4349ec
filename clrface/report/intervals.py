"""Interval plots: where each dot and whisker of a metric stands. The page's template draws them as
SVG.

The axis spans the methods that compete. A control may lie far away (the truth's distance to itself
is 0) and would press all
others together: one that does stands at the edge, as an arrow with its number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clrface.api import MetricCard
from clrface.stats.bootstrap import Estimate
from clrface.tables.formats import DASH
from clrface.tables.table import Mark, Row, format_value, marks

WIDTH, LEFT, RIGHT = 360.0, 132.0, 296.0
"""Of the plot, and where its axis begins and ends, in SVG units."""
LINE = 20.0
MOST_TICKS = 4


@dataclass(frozen=True)
class Line:
    """One method: its dot at (x, y), its whisker from `low` to `high`.

    `beyond` says at which edge an arrow stands instead.
    """

    label: str
    control: bool
    mark: Mark
    text: str
    y: float
    x: float | None
    low: float
    high: float
    beyond: Literal["", "left", "right"] = ""


@dataclass(frozen=True)
class Plot:
    """One metric of one block."""

    card: MetricCard
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    """Place on the axis, and number."""

    @property
    def height(self) -> float:
        return self.floor + 18

    @property
    def floor(self) -> float:
        """Where the axis lies."""
        return len(self.lines) * LINE + 4


def interval_plot(rows: Sequence[Row], card: MetricCard) -> Plot | None:
    """The plot of one metric over a block's rows; None where nothing finite was measured."""
    competing = [row.estimates[card.id] for row in rows if not row.control]
    finite = _finite(competing) or _finite([row.estimates[card.id] for row in rows])
    if not finite:
        return None
    low, high = _padded(min(finite), max(finite))
    places = zip(rows, marks(rows, card), strict=True)
    lines = [_line(row, mark, card, LINE * (i + 0.5), low, high) for i, (row, mark) in enumerate(places)]
    ticks = [(_place(value, low, high), text) for value, text in nice_ticks(low, high)]
    return Plot(card, tuple(lines), tuple(ticks))


def nice_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers (steps of 1, 2 or 5 times a power of ten) inside [low, high], at most five,
    with their texts.

    >>> nice_ticks(0.0, 1.0)
    [(0.0, '0.0'), (0.5, '0.5'), (1.0, '1.0')]
    """
    rough = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(i * step, f"{i * step:z.{decimals}f}") for i in range(first, last + 1)]


def _finite(estimates: Sequence[Estimate]) -> list[float]:
    return [part for estimate in estimates for part in estimate if math.isfinite(part)]


def _padded(low: float, high: float) -> tuple[float, float]:
    """The axis: a little wider than its values; never of no width."""
    margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _line(row: Row, mark: Mark, card: MetricCard, y: float, low: float, high: float) -> Line:
    value, *ends = row.estimates[card.id]
    if math.isnan(value):
        return Line(row.label, row.control, mark, DASH, y, None, 0, 0)
    text = format_value(value, card)
    if not low <= value <= high:
        edge, beyond = (LEFT, "left") if value < low else (RIGHT, "right")
        return Line(row.label, row.control, mark, text, y, edge, edge, edge, beyond)
    inside = [min(max(value if math.isnan(end) else end, low), high) for end in ends]
    x, left, right = (_place(part, low, high) for part in (value, *inside))
    return Line(row.label, row.control, mark, text, y, x, left, right)


def _place(value: float, low: float, high: float) -> float:
    return round(LEFT + (value - low) / (high - low) * (RIGHT - LEFT), 2)
