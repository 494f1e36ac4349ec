"""Curves: a sweep's quality against its setting, and a training's losses against its steps."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, ScalarFormatter

from clrface.api import MetricCard
from clrface.config.checks import COSTS
from clrface.errors import UserError
from clrface.files import read_lines
from clrface.report.figure import COLOURS, DASHES, INK, MARKERS, save
from clrface.tables.table import ARROWS

FAR = 4.0
"""Of the distance between the quartiles, how far beyond them a point may lie before the axis leaves
it out.
"""


def sweep_figure(table: Path, along: str, grid: Sequence[str], metrics: Sequence[MetricCard], target: Path) -> None:
    """Draw a panel a metric, from a sweep's csv: value and 95 % interval along one column.

    A line stands for each combination of the other settings. The first of these gives the colour,
    the rest dashes and markers. One interval is shaded for each colour, since those of its other
    lines nearly equal it. Points far beyond the others are left outside the axis; the panel's title
    has their number.

    Args:
        grid: the settings' columns.
    """
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    others = [name for name in grid if name != along and not (along in COSTS and name == "steps")]
    series = _series(rows, others)
    columns = min(2, len(metrics))
    fig, axes = plt.subplots(
        -(-len(metrics) // columns), columns, figsize=(5.2 * columns, 3.4 * -(-len(metrics) // columns)), squeeze=False
    )
    for axis, card in zip(axes.flat, metrics, strict=False):
        for name, members in series.items():
            _line(axis, members, along, card, _look(name, list(series)))
        far = _leave_out_far(axis, np.array([[float(row[f"{card.id}{suffix}"]) for suffix in ("", "_lo", "_hi")] for row in rows]))
        beyond = f"  ({far} beyond the axis)" if far else ""
        axis.set_title(f"{card.label} {ARROWS[card.direction]}{beyond}", fontsize=10)
        axis.set_xlabel(along)
        axis.grid(alpha=0.25)
    for axis in list(axes.flat)[len(metrics) :]:
        axis.axis("off")
    handles = _legend(list(series))
    fig.legend(handles=handles, loc="lower center", ncols=min(8, len(handles)), fontsize=9, handlelength=3, frameon=False)
    fig.tight_layout(rect=(0, 0.04 + 0.03 * (len(handles) // 8), 1, 1))
    save(fig, target)
    plt.close(fig)


def _series(rows: Sequence[Mapping[str, str]], others: Sequence[str]) -> dict[tuple[str, ...], list[Mapping[str, str]]]:
    series: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in rows:
        series.setdefault(tuple(row[name] for name in others), []).append(row)
    return series


def _legend(names: Sequence[tuple[str, ...]]) -> list[Line2D]:
    """A handle for each colour, then one for each dash and marker."""
    colours = {name[:1]: _look(name, names)["color"] for name in names}
    dashes = {name[1:]: {**_look(name, names), "color": INK} for name in names}
    handles = [Line2D([], [], color=colour, linewidth=3, label=", ".join(name)) for name, colour in colours.items() if name]
    return handles + [Line2D([], [], label=", ".join(name), markersize=5, **look) for name, look in dashes.items() if name]


def _look(name: tuple[str, ...], names: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    firsts = list(dict.fromkeys(other[:1] for other in names))
    rests = list(dict.fromkeys(other[1:] for other in names))
    rest = rests.index(name[1:])
    return {
        "color": COLOURS[firsts.index(name[:1]) % len(COLOURS)],
        "linestyle": DASHES[rest % len(DASHES)],
        "marker": MARKERS[rest % len(MARKERS)],
    }


def _leave_out_far(axis: Axes, points: np.ndarray) -> int:
    """Limit the axis to the points near the middle, (n, 3) values and intervals; how many of the
    points are left out.
    """
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return 0
    values = points[:, 0]
    low, high = np.percentile(values, [25, 75])
    near = np.abs(values - np.clip(values, low, high)) <= FAR * ((high - low) or np.inf)
    if not near.all():
        bottom, top = points[near, 1].min(), points[near, 2].max()
        axis.set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    return int((~near).sum())


def _line(axis: Axes, members: Sequence[Mapping[str, str]], along: str, card: MetricCard, look: dict[str, Any]) -> None:
    members = sorted(members, key=lambda row: float(row[along]))
    x = [float(row[along]) for row in members]
    middle, low, high = ([float(row[f"{card.id}{suffix}"]) for row in members] for suffix in ("", "_lo", "_hi"))
    axis.plot(x, middle, markersize=4, **look)
    if look["marker"] == MARKERS[0]:
        axis.fill_between(x, low, high, alpha=0.12, color=look["color"], linewidth=0)
    if len(x) > 2 and min(x) > 0 and max(x) / min(x) > 10:
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def loss_figure(logs: Mapping[str, Path], target: Path) -> None:
    """Draw a panel a stage, from its losses.jsonl: each loss against the step, smoothed, and
    validation as dots.

    The axis is logarithmic above 0.01.

    Raises: UserError for a log that is missing or empty.
    """
    columns = min(3, len(logs))
    rows = -(-len(logs) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(4.4 * columns, 3.1 * rows), squeeze=False)
    for axis, (stage, log) in zip(axes.flat, logs.items(), strict=False):
        curves = _read_log(log)
        names = [name for name in curves if not name.startswith("val_")]
        for place, name in enumerate(names):
            colour = COLOURS[place % len(COLOURS)]
            steps, values = np.array(curves[name]).T
            axis.plot(steps, _smoothed(values), color=colour, label=name)
            if f"val_{name}" in curves:
                axis.plot(*np.array(curves[f"val_{name}"]).T, "o", color=colour, markersize=4)
        axis.set_yscale("symlog", linthresh=0.01)  # an adversarial loss may be negative
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.set_title(stage, fontsize=10)
        axis.set_xlabel("step")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7, frameon=False)
    for axis in list(axes.flat)[len(logs) :]:
        axis.axis("off")
    fig.tight_layout()
    save(fig, target)
    plt.close(fig)


def _read_log(log: Path) -> dict[str, list[tuple[int, float]]]:
    entries = read_lines(log)
    if not entries:
        raise UserError(f"No losses at {log}. Train the stage first: snakemake --cores all train --config weights=fit.")
    curves: dict[str, list[tuple[int, float]]] = {}
    for entry in entries:
        for name, value in entry.items():
            if name != "step":
                curves.setdefault(name, []).append((entry["step"], value))
    return curves


def _smoothed(values: np.ndarray) -> np.ndarray:
    """A moving average over a fortieth of the run."""
    width = max(1, len(values) // 40)
    kernel = np.ones(width)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
