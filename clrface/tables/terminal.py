"""Print the table on the terminal, as the end of a run."""

import math
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from clrface.api import MetricCard
from clrface.tables.calibration import PARTS, calibrations, note
from clrface.tables.formats import DASH, count, seeds_text
from clrface.tables.table import ARROWS, Mark, Row, Table, format_value, marks, read_table, table_from_json

WIDEST = 120
GAP = " "
SIGNS = {"best": "*", "second": "°", "": " "}
STYLES = {"best": "\033[1;32m", "second": "\033[4m", "title": "\033[1m", "quiet": "\033[2m"}
RESET = "\033[0m"
_PLAIN = str.maketrans({"↑": "^", "↓": "v", "°": "+", "·": "-", "─": "-", "–": "-"})

Column = list[str]


def show(table_json: Path, files: Sequence[Path] = (), stream: TextIO | None = None) -> None:
    """Print the table that `tabulate` wrote to `table_json`, then the paths of `files`.

    Lines are at most as wide as the terminal, and 120 columns; other metrics go into a second
    panel. Colour is used only on a terminal and without `NO_COLOR`.

    Raises: UserError for a missing table.
    """
    out = sys.stdout if stream is None else stream
    table = table_from_json(read_table(table_json))
    width = min(WIDEST, shutil.get_terminal_size(fallback=(110, 24)).columns)
    text = render(table, width, colour=out.isatty() and not os.environ.get("NO_COLOR"))
    if files:
        text += "\nFiles:\n" + "".join(f"  {_from_here(path)}\n" for path in files)
    out.write(printable(text, out))


def render(table: Table, width: int = 110, colour: bool = False, intervals: str = "") -> str:
    """Return the table in lines of at most `width` characters.

    A label, a path or a single column that is wider is not cut.

    Args:
        intervals: where they are; the files that `tabulate` writes, when left out.
    """

    def style(name: str, text: str) -> str:
        return f"{STYLES[name]}{text}{RESET}" if colour and name in STYLES else text

    lines = []
    for dataset, degradation, rows in table.blocks():
        shown = f"{count(rows[0].n)} · {table.resolution} px · {seeds_text(rows)}"
        title = f"{table.name} · {dataset} · {degradation} · protocol {table.protocol} · {shown}"
        lines += ["", *(style("title", line) for line in textwrap.wrap(title, width))]
        fixed = [
            _label_column(rows),
            _number_column("n", [row.n for row in rows]),
            _number_column("failed", [row.n_failed for row in rows]),
        ]
        column_marks = {card.id: marks(rows, card) for card in table.metrics}
        for cards in _panels(table.metrics, rows, fixed, width):
            columns = [*fixed, *(_metric_column(card, rows, column_marks[card.id]) for card in cards)]
            styles: list[list[Mark]] = [*([""] * len(rows) for _ in fixed), *(column_marks[card.id] for card in cards)]
            lines += _panel(columns, styles, len(rows), style)
        lines += [style("quiet", line) for line in _reasons(dataset, degradation, rows, width)]
        lines += _calibration(table, dataset, degradation, width, style)
    legend = _legend(intervals or f"{table.name}.md, .csv")
    lines += [style("quiet", line) for line in textwrap.wrap(legend, width, break_long_words=False, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def _reasons(dataset: str, degradation: str, rows: Sequence[Row], width: int) -> list[str]:
    """Return why rows have no numbers, and where the reasons of single images are."""
    told = [f"{row.label}: {row.remark}." for row in rows if row.remark]
    some = [row for row in rows if row.n_failed and not row.note]
    told += [
        f"{row.label}, {row.n_failed} failed: why is in the status column of the table's scores/{dataset}/{degradation}/{row.method}."
        for row in some
    ]
    lines = [line for text in told for line in textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False)]
    return [*lines, ""] if lines else []


def _calibration(table: Table, dataset: str, degradation: str, width: int, style: Callable[[str, str], str]) -> list[str]:
    """Return our value, the published one and the difference, three lines a method; empty without
    published numbers.
    """
    cards, found = calibrations(table, dataset, degradation)
    if not found:
        return []
    labels = [one.label if part == PARTS[0] else "" for one in found for part in PARTS]
    fixed = [_left_column("method", labels), _left_column("", [part for _ in found for part in PARTS])]
    columns = [_heading_column(card, [one.text(part, card) or DASH for one in found for part in PARTS]) for card in cards]
    lines = [style("title", f"{table.name} · {dataset} · {degradation} · beside published numbers")]
    unmarked: list[Mark] = [""] * len(labels)
    for group in _grouped(columns, fixed, width):
        lines += _panel([*fixed, *group], [unmarked] * (len(fixed) + len(group)), len(labels), style)
    return [*lines, *(style("quiet", line) for line in textwrap.wrap(note(table, dataset, degradation), width)), ""]


def _legend(intervals: str) -> str:
    """Return what a reader must know to read the numbers, and where the intervals are."""
    return (
        f"{SIGNS['best']} best, {SIGNS['second']} second; the controls in brackets are not ranked. ↑ higher is better, ↓ lower is better. "
        f"{DASH} not measured. failed: images that failed in restoration or any metric. Intervals: {intervals}."
    )


def _panels(cards: Sequence[MetricCard], rows: Sequence[Row], fixed: Sequence[Column], width: int) -> list[list[MetricCard]]:
    """Group the metrics into as few panels as fit beside the fixed columns."""
    unmarked: list[Mark] = [""] * len(rows)
    groups = _grouped([_metric_column(card, rows, unmarked) for card in cards], fixed, width)
    left = iter(cards)
    return [[next(left) for _ in group] for group in groups]


def _grouped(columns: Sequence[Column], fixed: Sequence[Column], width: int) -> list[list[Column]]:
    """Group columns into as few groups as fit beside the fixed ones."""
    base = sum(len(column[-1]) for column in fixed) + len(GAP) * (len(fixed) - 1)
    groups: list[list[Column]] = [[]]
    used = base
    for column in columns:
        needed = len(GAP) + len(column[-1])
        if groups[-1] and used + needed > width:
            groups.append([])
            used = base
        groups[-1].append(column)
        used += needed
    return groups


def _panel(columns: Sequence[Column], styles: Sequence[Sequence[Mark]], n_rows: int, style: Callable[[str, str], str]) -> list[str]:
    """Lay out columns (heading lines, then one cell a row) side by side, with headings on the rule."""
    height = max(map(len, columns))
    widths = [len(column[-1]) for column in columns]
    padded = [[" " * width] * (height - len(column)) + column for column, width in zip(columns, widths, strict=True)]
    lines = [GAP.join(cells).rstrip() for cells in zip(*padded, strict=True)]
    top = height - n_rows
    for i in range(n_rows):
        cells = ((column[top + i], marked[i]) for column, marked in zip(padded, styles, strict=True))
        lines[top + i] = GAP.join(cell.replace(cell.strip(), style(mark, cell.strip())) for cell, mark in cells).rstrip()
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    return [*lines[:top], rule, *lines[top:], ""]


def _label_column(rows: Sequence[Row]) -> Column:
    return _left_column("method", [f"[{row.label}]" if row.control else row.label for row in rows])


def _left_column(name: str, texts: Sequence[str]) -> Column:
    width = max(map(len, [name, *texts]))
    return [text.ljust(width) for text in [name, *texts]]


def _number_column(name: str, values: Sequence[int]) -> Column:
    texts = [name, *map(str, values)]
    width = max(map(len, texts)) + 1
    return [text.rjust(width) for text in texts]


def _metric_column(card: MetricCard, rows: Sequence[Row], marked: Sequence[Mark]) -> Column:
    """Return heading lines and cells of one width.

    A mark follows its number, so that digits align.
    """
    values = [row.estimates[card.id].value for row in rows]
    return _heading_column(
        card, [(DASH if math.isnan(v) else format_value(v, card)) + SIGNS[mark] for v, mark in zip(values, marked, strict=True)]
    )


def _heading_column(card: MetricCard, cells: Sequence[str]) -> Column:
    unit = f"{card.unit} {ARROWS[card.direction]}".strip()
    width = max(map(len, [*cells, *card.label.split(), unit]))
    heading = [*textwrap.wrap(card.label, width, break_on_hyphens=False), unit]
    return [text.rjust(width) for text in [*heading, *cells]]


def _from_here(path: Path) -> str:
    """Return a path relative to the working folder where it lies under it."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def printable(text: str, stream: TextIO) -> str:
    """`text` with plain ASCII signs for a stream whose encoding has no arrows."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(stream.encoding, "replace").decode(stream.encoding)
    return text
