"""Two rows of a table, head to head: the paired difference of each metric and its 95 % bootstrap interval over images.

The rows' intervals overlap far sooner than their difference stops being one: both move with the images that were drawn. Here each
resample gives both rows' values, and their difference (Efron and Tibshirani 1993, chapter 13). Seeds are averaged first, image by image.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from clrface.api import MetricCard
from clrface.errors import UserError, unknown_name
from clrface.tables.bootstrap import Estimate, bootstrap_indices, mean_interval, mean_over_seeds, set_interval
from clrface.tables.scores import SET_ROW, read_replicates, read_scores
from clrface.tables.table import Row, Table, table_from_json


class Difference(NamedTuple):
    """`first` and `second` are the rows' values; `change` is first - second, `relative` the same as a share of second's size."""

    metric: str
    first: float
    second: float
    change: Estimate
    relative: float

    def verdict(self, direction: str) -> str:
        """`better`, `worse`, or `not told apart` where the interval holds zero: the first row against the second."""
        if math.isnan(self.change.value) or self.change.low <= 0 <= self.change.high:
            return "not told apart"
        return "better" if (self.change.value > 0) == (direction == "higher") else "worse"


def compare(
    first: Path, second: Path, seeds: Mapping[str, Sequence[int]], cards: Sequence[MetricCard], base_seed: int, dataset: str, n_boot: int
) -> list[Difference]:
    """Compare two rows of one dataset and degradation, by their folders of scores (`results/scores/<dataset>/<degradation>/<row>`).

    seeds: of each folder's row, by its name. Raises: UserError for scores that are missing or not of the same images.
    """
    return [_difference(first, second, seeds, card, base_seed, dataset, n_boot) for card in cards]


def _difference(
    first: Path, second: Path, seeds: Mapping[str, Sequence[int]], card: MetricCard, base_seed: int, dataset: str, n_boot: int
) -> Difference:
    files = [[read_scores(row / str(seed) / f"{card.id}.csv", card.level) for seed in seeds[row.name]] for row in (first, second)]
    if card.level == "set":
        a, b = (float(np.mean([one.values[SET_ROW] for one in row])) for row in files)
        replicates = [mean_over_seeds(np.stack([read_replicates(one, n_boot) for one in row])) for row in files]
        change = set_interval(a - b, replicates[0] - replicates[1])
    else:
        ids = sorted(files[0][0].values)
        for one in (one for row in files for one in row):
            if sorted(one.values) != ids:
                raise UserError(f"{one.path} is not about the same images as {files[0][0].path}. Measure both rows on one set.")
        values = [mean_over_seeds(np.array([[one.values[image_id] for image_id in ids] for one in row])) for row in files]
        kept = np.isfinite(values[0]) & np.isfinite(values[1])  # equal images have an infinite PSNR: no difference to take
        apart = np.where(kept, np.subtract(*[np.where(kept, value, 0.0) for value in values]), np.nan)
        a, b = (float(np.mean(value[kept])) if kept.any() else math.nan for value in values)
        change = mean_interval(apart, bootstrap_indices(base_seed, dataset, n_boot, len(ids)))
    return Difference(card.id, a, b, change, change.value / abs(b) if b else math.nan)


def show_differences(table_json: Path, first: str, second: str, scores: Path, stream: TextIO | None = None) -> None:
    """Print how row `first` of a finished table differs from row `second`, block by block, metric by metric.

    Raises: UserError for a table or a row that isn't there, and for scores that don't belong together.
    """
    if not table_json.is_file():
        raise UserError(f"No table at {table_json}. Make it first: make table1.")
    content = json.loads(table_json.read_text(encoding="utf-8"))
    table = table_from_json(content)
    for dataset, degradation, rows in table.blocks():
        by_name = {row.method: row for row in rows}
        for name in (first, second):
            if name not in by_name:
                raise unknown_name("row", name, by_name)
        seeds = {name: by_name[name].seeds for name in (first, second)}
        place = scores / dataset / degradation
        found = compare(place / first, place / second, seeds, table.metrics, content["base_seed"], dataset, table.n_boot)
        text = _rendered(found, table, (by_name[first], by_name[second]))
        (sys.stdout if stream is None else stream).write(text)


def _rendered(found: Sequence[Difference], table: Table, rows: tuple[Row, Row]) -> str:
    cards = {card.id: card for card in table.metrics}
    lines = [
        f"{table.name} · {rows[0].dataset} · {rows[0].degradation} · {rows[0].n} images · {rows[0].label} against {rows[1].label}",
        f"{'metric':<14}{'first':>10}{'second':>10}{'difference':>12}{'95 % interval':>24}{'relative':>10}  the first is",
    ]
    for one in found:
        card = cards[one.metric]
        digits = card.decimals + 1
        span = f"[{one.change.low:+.{digits}f}, {one.change.high:+.{digits}f}]"
        lines.append(
            f"{one.metric:<14}{one.first:>10.{digits}f}{one.second:>10.{digits}f}{one.change.value:>+12.{digits}f}{span:>24}"
            f"{one.relative:>+10.1%}  {one.verdict(card.direction)}"
        )
    return "\n".join(lines) + "\n"
