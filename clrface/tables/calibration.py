"""Compare with numbers that others published for the same protocol and set.

It checks the harness, and ranks nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clrface.api import MetricCard
from clrface.published import Published
from clrface.tables.table import Row, Table

PARTS = ("ours", "published", "difference")


@dataclass(frozen=True)
class Calibration:
    """A method of one block: by metric id, our value and the published one; NaN for none."""

    label: str
    ours: dict[str, float]
    published: dict[str, float]

    def value(self, part: str, metric: str) -> float:
        """Return `ours`, `published`, or `difference`, in the metric's unit.

        The difference is ours minus theirs; NaN where either is missing or infinite.
        """
        ours, theirs = self.ours.get(metric, math.nan), self.published.get(metric, math.nan)
        return {"ours": ours, "published": theirs, "difference": ours - theirs if math.isfinite(ours) else math.nan}[part]

    def text(self, part: str, card: MetricCard) -> str:
        """Return the value, rounded to the card's decimals; a difference has its sign.

        Empty for no value.
        """
        value = self.value(part, card.id)
        return "" if math.isnan(value) else f"{value:{'+' if part == 'difference' else ''}z.{card.decimals}f}"


def calibrations(table: Table, dataset: str, degradation: str) -> tuple[list[MetricCard], list[Calibration]]:
    """Return the metrics that others published for this block, and its methods.

    Methods with published numbers come first, in their order. Both are empty for none.
    """
    cells = [cell for cell in table.published if (cell.dataset, cell.degradation) == (dataset, degradation)]
    cards = [card for card in table.metrics if any(cell.metric == card.id for cell in cells)]
    rows = {row.method: row for row in table.rows if (row.dataset, row.degradation) == (dataset, degradation)}
    found = {cell.method: cell.label for cell in cells}
    return cards, [_calibration(method, label, rows.get(method), cells) for method, label in found.items()]


def calibration_of(table: Table, row: Row) -> Calibration:
    """Return the calibration of one row."""
    cells = [cell for cell in table.published if (cell.dataset, cell.degradation) == (row.dataset, row.degradation)]
    return _calibration(row.method, row.label, row, cells)


def published_metrics(table: Table) -> list[str]:
    """Return the metrics of the table that have published numbers."""
    return [card.id for card in table.metrics if any(cell.metric == card.id for cell in table.published)]


def sources(table: Table, dataset: str, degradation: str) -> Iterator[str]:
    """Return the sources of a block's published numbers, each once."""
    yield from dict.fromkeys(cell.source for cell in table.published if (cell.dataset, cell.degradation) == (dataset, degradation))


def _calibration(method: str, label: str, row: Row | None, cells: Sequence[Published]) -> Calibration:
    ours = {metric: estimate.value for metric, estimate in row.estimates.items()} if row else {}
    theirs = {cell.metric: cell.value for cell in cells if cell.method == method and cell.value is not None}
    return Calibration(label, ours, theirs)


def note(table: Table, dataset: str, degradation: str) -> str:
    """Return what a reader must know of the comparison."""
    return (
        f"Published: {'; '.join(sources(table, dataset, degradation))}. Of the same protocol and set by their account, never ranked. "
        "Difference: ours minus theirs. Without a number: not run here, not published, or not retrievable."
    )
