"""The chart of a table: a line for each method across one upright axis a metric, with better values
higher.

Only methods that compete are drawn; controls and diagnostic metrics are left out. Each axis is
linear. It runs from the worst to the best end of the competing methods' 95 % intervals, and states
both. So distances between lines don't compare across axes.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clrface.api import MetricCard
from clrface.report.figure import INK, LIGHT, OURS, QUIET, Look, looks, save
from clrface.stats.bootstrap import Estimate
from clrface.tables.formats import count
from clrface.tables.table import Row, Table, format_value

AXIS, HEIGHT = 1.15, 3.7
"""Inches from one axis to the next, and of a panel."""
ENTRY, LETTER = 0.65, 0.062
"""Of the legend: an entry's line and margins, and a letter of its label."""
SPREAD = 0.34
"""The methods' whiskers stand side by side within this part of the room between two axes."""


def table_chart(table: Table, target: Path) -> None:
    """Draw a panel for each test set and degradation, one below the other, to `target` (PNG, and
    PDF beside it).
    """
    blocks = list(table.blocks())
    shown = looks(list(dict.fromkeys(row.label for row in table.rows if not row.control)))
    most = max(len(competing_metrics(table.metrics, rows)) for _, _, rows in blocks)
    width = max(5.0, 1.6 + AXIS * most)
    longest = max((len(label) for label in shown), default=0)
    columns = max(1, int(width / (ENTRY + LETTER * longest)))
    legend = 0.3 + 0.2 * -(-len(shown) // columns)
    figure = Figure(figsize=(width, HEIGHT * len(blocks) + legend), layout="constrained")
    panels = figure.subplots(len(blocks), 1, squeeze=False)[:, 0]
    for axes, (dataset, degradation, rows) in zip(panels, blocks, strict=True):
        _draw(axes, rows, competing_metrics(table.metrics, rows), shown)
        axes.set_title(f"{dataset}, {degradation}: {count(rows[0].n)}", fontsize=10, loc="left", weight="bold", pad=52)
    handles = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if handles:
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=min(columns, len(handles)), fontsize=8, frameon=False
        )
    save(figure, target)


def competing_metrics(metrics: Sequence[MetricCard], rows: Sequence[Row]) -> list[MetricCard]:
    """Return the metrics that rank, and that have a finite value in some competing row of the
    block.
    """
    rivals = [row for row in rows if not row.control]
    return [card for card in metrics if not card.diagnostic and any(math.isfinite(row.estimates[card.id].value) for row in rivals)]


def axis_ends(estimates: Sequence[Estimate], card: MetricCard) -> tuple[float, float]:
    """Return (worst, best) of the values and their intervals' ends, without infinite and unmeasured
    ones.
    """
    finite = [part for estimate in estimates for part in estimate if math.isfinite(part)]
    low, high = min(finite), max(finite)
    return (low, high) if card.direction == "higher" else (high, low)


def heights(estimate: Estimate, ends: tuple[float, float]) -> tuple[float, float, float]:
    """Return (value, lower end, upper end) on an axis from 0, the worst, to 1, the best.

    NaN for no value, 0.5 where all are equal.
    """
    worst, best = ends
    value, low, high = ((part - worst) / (best - worst) if best != worst else 0.5 + 0 * part for part in estimate)
    placed = [part if math.isfinite(part) else math.nan for part in (value, min(low, high), max(low, high))]
    return placed[0], placed[1], placed[2]


def _draw(axes: Axes, rows: Sequence[Row], metrics: Sequence[MetricCard], shown: Mapping[str, Look]) -> None:
    rivals = [row for row in rows if not row.control]
    axes.axis("off")
    axes.set_ylim(-0.16, 1.06)
    axes.set_xlim(-0.4, max(len(metrics) - 0.6, 0.6))
    if not metrics:
        axes.text(0.1, 0.5, "No method competes here, or none was measured.", color=QUIET, fontsize=9)
        return
    ends = [axis_ends([row.estimates[card.id] for row in rivals], card) for card in metrics]
    for x, (card, (worst, best)) in enumerate(zip(metrics, ends, strict=True)):
        axes.plot((x, x), (0, 1), color=LIGHT, linewidth=1, zorder=1)
        name = f"{card.label}\n{card.unit}" if card.unit else card.label
        axes.text(x, 1.13, name, ha="center", va="bottom", fontsize=9, color=INK)
        axes.text(x, 1.03, format_value(best, card), ha="center", va="bottom", fontsize=7.5, color=QUIET)
        axes.text(x, -0.03, format_value(worst, card), ha="center", va="top", fontsize=7.5, color=QUIET)
    axes.annotate("", (-0.35, 0.85), (-0.35, 0.15), arrowprops={"arrowstyle": "-|>", "color": QUIET})
    axes.text(-0.42, 0.5, "better", rotation=90, ha="center", va="center", fontsize=8, color=QUIET)
    beside = np.linspace(-SPREAD / 2, SPREAD / 2, len(rivals)) if len(rivals) > 1 else np.zeros(1)
    for row, aside in zip(rivals, beside, strict=True):
        _line(axes, row, [heights(row.estimates[card.id], end) for card, end in zip(metrics, ends, strict=True)], aside, shown[row.label])


def _line(axes: Axes, row: Row, placed: Sequence[tuple[float, float, float]], aside: float, look: Look) -> None:
    """A method: its markers, joined across the axes, and at each axis its whisker."""
    ours = row.label == OURS
    x, (y, low, high) = np.arange(len(placed)) + aside, np.array(placed).T
    drawn = {"color": look.colour, "linestyle": look.dash, "zorder": 4 if ours else 3}
    axes.vlines(x, low, high, color=look.colour, linewidth=2.2 if ours else 1.2, alpha=0.9 if ours else 0.55, zorder=drawn["zorder"])
    axes.plot(x, y, marker=look.marker, markersize=9 if ours else 4.5, linewidth=2.4 if ours else 0.9, label=row.label, **drawn)
