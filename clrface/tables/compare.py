"""Compare two rows of a table: the paired difference of each metric, with its 95 % bootstrap
interval.

Two rows' own intervals may overlap although their difference is clear, since both move with the
images that are drawn. Here each resample gives every row's value, and their difference or ratio
(Efron and Tibshirani 1993, chapter 13). Seeds are averaged first, image by image. Photographs of
one person are not independent. Where the manifest names the people, people are drawn, each with all
photographs. A set metric (`kd_effnet`) has its table's own resamples, of images.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from clrface.api import MetricCard
from clrface.errors import UserError, unknown_name
from clrface.manifest import FETCHED, read_manifest
from clrface.renamed import METHODS
from clrface.stats.bootstrap import UNMEASURED, Estimate, mean_over_seeds, people_counts, percentile_interval, without_perfect
from clrface.tables.scores import SET_ROW, read_replicates, read_scores
from clrface.tables.table import Row, Table, image_values, read_table, table_from_json


class Resampled(NamedTuple):
    """A row's value of one metric, and its values on the resamples, (n_boot,)."""

    value: float
    replicates: np.ndarray


class Paired(NamedTuple):
    """The values of one metric of some rows, on the same `n` images and the same resamples."""

    n: int
    people: int
    """The number of people on those images; 0 for a set metric, whose resamples are of images."""
    rows: list[Resampled]
    images: np.ndarray
    """(rows, n): the images' values, means over the seeds; (rows, 0) for a set metric."""


class Difference(NamedTuple):
    """The values of two rows, `first` and `second`, over the `n` images that both have.

    `change` is first - second. `relative` is the change as a share of second's size. `share`, where
    a third row `over` is given, is (first - over) / (second - over).
    """

    metric: str
    n: int
    first: float
    second: float
    change: Estimate
    relative: Estimate
    share: Estimate = UNMEASURED

    def verdict(self, direction: str) -> str:
        """Say how the first row compares with the second: `better`, `worse`, or `not told apart`
        where the interval contains zero.
        """
        if math.isnan(self.change.value) or self.change.low <= 0 <= self.change.high:
            return "not told apart"
        return "better" if (self.change.value > 0) == (direction == "higher") else "worse"


def compare(rows: Sequence[Row], scores: Path, cards: Sequence[MetricCard], draws: "Draws") -> list[Difference]:
    """Compare the first two of `rows`, of one dataset and degradation.

    Args:
        rows: a third row is the one that `share` is computed over.
        scores: the folder of all score files.

    Raises: UserError for scores that are missing, not of the same images, or not those that the
    rows were made from.
    """
    return [_difference(card, pair(rows, scores, card, draws)) for card in cards]


def pair(rows: Sequence[Row], scores: Path, card: MetricCard, draws: "Draws") -> Paired:
    """Read the rows' scores of one metric, keep the images that all of them have, and resample.

    A set metric has its own resamples: `draws.n_boot` must then be the table's.

    Raises: UserError, as `compare`.
    """
    return _paired(card, [_read(row, scores, card, draws.n_boot) for row in rows], draws)


class Draws(NamedTuple):
    """Which bootstrap resamples to draw.

    `people` gives each image's person; an image that it lacks is a person of its own.
    """

    base_seed: int
    dataset: str
    n_boot: int
    people: Mapping[str, str]

    def names(self, ids: Sequence[str]) -> list[str]:
        """Return the person that each image shows."""
        return [self.people.get(image_id) or image_id for image_id in ids]

    def counts(self, ids: Sequence[str]) -> np.ndarray:
        """Return how often each resample takes each image, (n_boot, n)."""
        names = self.names(ids)
        people = sorted(set(names))
        times = people_counts(self.base_seed, self.dataset, self.n_boot, len(people))
        return times[:, [people.index(name) for name in names]].astype(float)


class _Scored(NamedTuple):
    """One row's scores of a metric: an image's mean over the seeds by id, or a set's value and
    replicates.
    """

    n: int
    images: dict[str, float]
    whole: Resampled | None


def _read(row: Row, scores: Path, card: MetricCard, n_boot: int) -> _Scored:
    folder = scores / row.dataset / row.degradation / row.method
    files = [read_scores(folder / str(seed) / f"{card.id}.csv", card.level) for seed in row.seeds]
    if card.level == "set":
        value = float(mean_over_seeds(np.array([one.values[SET_ROW] for one in files])))
        replicates = mean_over_seeds(np.stack([read_replicates(one, n_boot) for one in files]))
        n = min(row.n - len(one.failures) for one in files)
        # Images' replicates are centred on the value, as in the table; people's aren't.
        moved = 0 if card.resamples == "people" or not math.isfinite(value) else value - np.nanmean(replicates)
        scored = _Scored(n, {}, Resampled(value, replicates + moved))
    else:
        for one in files:
            if one.values.keys() != files[0].values.keys():
                raise UserError(f"{one.path} is not about the same images as {files[0].path}. Measure the row again: snakemake makes it.")
        ids = sorted(files[0].values)
        values = image_values(files, card, ids)
        counted = without_perfect(values)
        measured = counted[~np.isnan(counted)]
        value = float(measured.mean()) if measured.size else math.nan
        scored = _Scored(len(ids), dict(zip(ids, values.tolist(), strict=True)), None)
    expected = row.estimates[card.id].value
    if not (value == expected or math.isclose(value, expected, rel_tol=1e-9) or (math.isnan(value) and math.isnan(expected))):
        raise UserError(
            f"The scores under {folder} give {card.id} {value:.6g}, but the table has {expected:.6g}: they are of another run. "
            "Make the table again, then compare."
        )
    return scored


def _paired(card: MetricCard, rows: Sequence[_Scored], draws: Draws) -> Paired:
    if card.level == "set":
        return Paired(min(row.n for row in rows), 0, [row.whole for row in rows if row.whole], np.empty((len(rows), 0)))
    ids = sorted(rows[0].images)
    for row in rows[1:]:
        if row.images.keys() != rows[0].images.keys():
            raise UserError(f"The rows' scores of {card.id} are not of the same images. Make the table again, then compare.")
    values = np.array([[row.images[image_id] for image_id in ids] for row in rows])
    kept = np.isfinite(values).all(0)  # failed in one of the rows, or equal to the truth with an infinite PSNR
    n, counts = int(kept.sum()), draws.counts(ids)[:, kept]
    values = values[:, kept]
    totals = np.maximum(counts.sum(1), 1)
    resampled = [Resampled(float(row.mean()) if n else math.nan, counts @ row / totals) for row in values]
    people = np.unique(np.array(draws.names(ids))[kept]).size
    return Paired(n, people, resampled, values)


def _difference(card: MetricCard, paired: Paired) -> Difference:
    resampled = paired.rows
    first, second = resampled[:2]
    change = percentile_interval(first.value - second.value, first.replicates - second.replicates)
    relative = relative_change(first, second)
    share = UNMEASURED
    if len(resampled) > 2:
        a, b, c = resampled
        share = _ratio(a.value - c.value, b.value - c.value, a.replicates - c.replicates, b.replicates - c.replicates)
    return Difference(card.id, paired.n, first.value, second.value, change, relative, share)


def relative_change(first: Resampled, second: Resampled) -> Estimate:
    """Return first - second as a share of second's size, with its interval; NaN where second is 0."""
    return _ratio(first.value - second.value, abs(second.value), first.replicates - second.replicates, np.abs(second.replicates))


def _ratio(above: float, below: float, above_drawn: np.ndarray, below_drawn: np.ndarray) -> Estimate:
    if not below:
        return UNMEASURED
    with np.errstate(divide="ignore", invalid="ignore"):
        return percentile_interval(above / below, above_drawn / below_drawn)


def show_differences(
    table_json: Path,
    first: str,
    second: str,
    scores: Path,
    over: str | None = None,
    manifests: Path | None = None,
    stream: TextIO | None = None,
) -> None:
    """Print how row `first` of a finished table differs from row `second`, by block and metric.

    Args:
        over: a third row; the share of second's change from it that first has is then printed.
        manifests: the folder of manifests, which name the people.

    Raises: UserError for a missing table or row, and for scores that don't belong to the table.
    """
    content = read_table(table_json)
    table = table_from_json(content)
    for dataset, degradation, members in table.blocks():
        by_name = {row.method: row for row in members}
        names = [METHODS.among(name, by_name) for name in (first, second, *([over] if over else []))]
        for name in names:
            if name not in by_name:
                raise unknown_name("row", name, by_name)
        draws = Draws(content["base_seed"], dataset, table.n_boot, people_of(manifests, dataset))
        rows = [by_name[name] for name in names]
        found = compare(rows, scores, table.metrics, draws)
        (sys.stdout if stream is None else stream).write(_rendered(found, table, rows, f"{dataset} · {degradation}"))


def people_of(manifests: Path | None, dataset: str) -> dict[str, str]:
    """Return image_id to person, from the dataset's manifest; empty for a dataset without one."""
    if manifests is None:
        return {}
    places = (manifests / f"{dataset}.csv", manifests.parent / "raw" / dataset / FETCHED)
    path = next((place for place in places if place.is_file()), None)
    return {entry.image_id: entry.identity for entry in read_manifest(path)} if path else {}


def _rendered(found: Sequence[Difference], table: Table, rows: Sequence[Row], block: str) -> str:
    cards = {card.id: card for card in table.metrics}
    third = f"  {'share over ' + rows[2].method:>26}" if len(rows) > 2 else ""
    lines = [
        f"{table.name} · {block} · first: {rows[0].label} · second: {rows[1].label}",
        f"{'metric':<16}{'n':>5}{'first':>10}{'second':>10}{'difference':>12}{'95 %':>22}{'relative':>10}{'95 %':>20}{third}  the first is",
    ]
    for one in found:
        card = cards[one.metric]
        digits = card.decimals + 1
        if not math.isfinite(one.change.value):
            lines.append(f"{one.metric:<16}{one.n:>5}  not comparable: no image has a finite value in both rows")
            continue
        lines.append(
            f"{one.metric:<16}{one.n:>5}{one.first:>10.{digits}f}{one.second:>10.{digits}f}{one.change.value:>+12.{digits}f}"
            f"{f'[{one.change.low:+.{digits}f}, {one.change.high:+.{digits}f}]':>22}"
            f"{one.relative.value:>+10.1%}{f'[{one.relative.low:+.1%}, {one.relative.high:+.1%}]':>20}"
            + (f"  {f'{one.share.value:.2f} [{one.share.low:.2f}, {one.share.high:.2f}]':>26}" if len(rows) > 2 else "")
            + f"  {one.verdict(card.direction)}"
        )
    return "\n".join(lines) + "\n"
