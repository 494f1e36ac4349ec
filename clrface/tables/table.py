"""The table: one row a (method, dataset, degradation), with each metric's mean, 95 % interval and
rank.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clrface.api import MethodCard, MetricCard
from clrface.errors import UserError, unknown_name
from clrface.published import Published
from clrface.stats.bootstrap import (
    UNMEASURED,
    Estimate,
    bootstrap_indices,
    mean_interval,
    mean_over_seeds,
    percentile_interval,
    set_interval,
    without_perfect,
)
from clrface.tables.request import RowSpec, TableRequest
from clrface.tables.scores import SET_ROW, Scores, name_some, read_replicates, read_scores

ARROWS = {"higher": "↑", "lower": "↓"}
Mark = Literal["best", "second", ""]


@dataclass(frozen=True)
class TableSpec:
    """The content of a table. The order of `rows` and `metrics` is the order on the page."""

    rows: Sequence[RowSpec]
    metrics: Sequence[str]
    metric_cards: Mapping[str, MetricCard]
    method_cards: Mapping[str, MethodCard]
    """By the rows' method names. A method without a card (a folder of images) keeps its name as
    label.
    """
    protocol: str
    preset: str
    resolution: int
    base_seed: int
    n_boot: int
    device: str
    """The device of the methods, e.g. `cpu`."""
    datasets: Mapping[str, Any] = field(default_factory=dict)
    """The config's entries of the test sets: which split, which images."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The part of the config that the numbers depend on (`clrface.plan.stale`)."""
    published: Sequence[Published] = ()
    submissions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What is known of rows of finished images, by name (clrface.tables.request)."""

    @classmethod
    def of(cls, asked: TableRequest, metrics: Mapping[str, MetricCard], methods: Mapping[str, MethodCard], device: str) -> "TableSpec":
        """Make the spec of a request.

        Args:
            device: the device that `auto` resolved to.
        """
        return cls(
            rows=asked.rows,
            metrics=asked.metrics,
            metric_cards=metrics,
            method_cards=methods,
            protocol=asked.protocol,
            preset=asked.preset,
            resolution=asked.resolution,
            base_seed=asked.base_seed,
            n_boot=asked.n_boot,
            device=device,
            datasets=asked.datasets,
            settings=asked.settings,
            published=asked.published,
            submissions=asked.submissions,
        )

    def cards(self) -> list[MetricCard]:
        """Return the metrics' cards in column order. Raises: UserError for an unknown metric."""
        unknown = next((name for name in self.metrics if name not in self.metric_cards), None)
        if unknown is not None:
            raise unknown_name("metric", unknown, self.metric_cards)
        return [self.metric_cards[name] for name in self.metrics]

    def label(self, method: str) -> str:
        """Return the method's label."""
        return self.method_cards[method].label if method in self.method_cards else method

    def is_control(self, method: str) -> bool:
        """Return whether the method tests the table and doesn't compete."""
        return method in self.method_cards and self.method_cards[method].control


@dataclass(frozen=True)
class Row:
    """One finished row.

    `n` images were attempted; `n_failed` of them failed in restoration or in any metric, at any
    seed.
    """

    method: str
    label: str
    control: bool
    """True for a row that tests the table: never ranked."""
    dataset: str
    degradation: str
    n: int
    n_failed: int
    seeds: tuple[int, ...]
    estimates: dict[str, Estimate]
    note: str = ""
    """The reason why there is no number at all, e.g. that the method can't run here; else empty."""
    perfect: int = 0
    """The number of images that equal the ground truth, at infinite PSNR, where others don't. They
    are left out of that mean.
    """

    @property
    def remark(self) -> str:
        """Return what a reader must know beside the numbers; may be empty."""
        return self.note or perfect_note(self.perfect)


@dataclass(frozen=True)
class Table:
    """The finished table, with all that showing it needs."""

    name: str
    protocol: str
    resolution: int
    """Pixels a side."""
    n_boot: int
    metrics: tuple[MetricCard, ...]
    rows: tuple[Row, ...]
    published: tuple[Published, ...] = ()
    """Numbers that others published under this protocol for the table's sets and metrics."""

    def blocks(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Return (dataset, degradation, rows). Methods are compared within a block only."""
        for (dataset, degradation), rows in groupby(self.rows, key=lambda row: (row.dataset, row.degradation)):
            yield dataset, degradation, list(rows)


def build_table(spec: TableSpec, scores: Path, lq_ids: Mapping[tuple[str, str], set[str]], name: str) -> Table:
    """Read the score files under `scores` and make the table.

    Rows come block by block, in the order of each block's first row.

    Args:
        lq_ids: the image ids of each degraded set, by (dataset, degradation).

    Raises: UserError for a score file that is missing or malformed, and for methods scored on
    different images.
    """
    cards = spec.cards()
    order = list(dict.fromkeys((row.dataset, row.degradation) for row in spec.rows))
    rows: list[Row] = []
    for block in order:
        members = [row for row in spec.rows if (row.dataset, row.degradation) == block]
        read = [_read_row(row, cards, scores) for row in members]
        ids = _common_ids([one for by_metric in read for files in by_metric.values() for one in files], lq_ids[block], block)
        indices = bootstrap_indices(spec.base_seed, block[0], spec.n_boot, len(ids))
        rows += [_finish(row, spec, by_metric, ids, indices) for row, by_metric in zip(members, read, strict=True)]
    return Table(name, spec.protocol, spec.resolution, spec.n_boot, tuple(cards), tuple(rows), tuple(spec.published))


def marks(rows: Sequence[Row], card: MetricCard) -> list[Mark]:
    """Mark the best and the second row of one block in a metric.

    Controls and unmeasured cells don't compete, and a diagnostic metric ranks no row. Values are
    compared as printed, rounded to the card's decimals, so equal numbers have equal marks. "second"
    is the next value after the best. Ties share a mark. A single competitor gets none.
    """
    printed = [float(format_value(row.estimates[card.id].value, card)) for row in rows]
    competes = [not (row.control or card.diagnostic or math.isnan(value)) for row, value in zip(rows, printed, strict=True)]
    if sum(competes) < 2:
        return [""] * len(rows)
    ranked = sorted({value for value, ok in zip(printed, competes, strict=True) if ok}, reverse=card.direction == "higher")
    names: dict[float, Mark] = dict(zip(ranked, ("best", "second"), strict=False))
    return [names.get(value, "") if ok else "" for value, ok in zip(printed, competes, strict=True)]


def format_value(value: float, card: MetricCard) -> str:
    """Round `value` to the card's decimals, without a negative zero: `24.31`, `inf`, `nan`."""
    return f"{value:z.{card.decimals}f}"


def table_to_json(table: Table) -> dict[str, Any]:
    """Return the table as plain JSON values: `inf` as the string "inf", an unmeasured value as
    null.
    """
    return {
        "table": table.name,
        "protocol": table.protocol,
        "resolution": table.resolution,
        "bootstrap": table.n_boot,
        "metrics": [asdict(card) for card in table.metrics],
        "rows": [
            _without_zero(asdict(row), "perfect")
            | {"estimates": {metric: [_plain(part) for part in estimate] for metric, estimate in row.estimates.items()}}
            for row in table.rows
        ],
    } | ({"published": [asdict(cell) for cell in table.published]} if table.published else {})


def read_content(path: Path) -> dict[str, Any]:
    """Read the json of a finished table, of metrics or of costs.

    Raises: UserError for a file that is missing, or no such json.
    """
    if not path.is_file():
        raise UserError(f"No table at {path}. Make it first: snakemake --cores all {path.with_suffix('.csv')}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}). Expected a table's json: {path.with_suffix('.json')}?") from error
    if not isinstance(content, dict) or "rows" not in content:
        raise UserError(f"{path} is no table's json: it has no rows. Expected one such as results/table1.json.")
    return content


def read_table(path: Path) -> dict[str, Any]:
    """Read the json of a finished table of metrics. Raises: UserError for another file."""
    content = read_content(path)
    if "metrics" not in content:
        raise UserError(
            f"{path} is no table of metrics, such as results/table1.json: a table of costs can't be shown or compared this way."
        )
    return content


def table_from_json(content: Mapping[str, Any]) -> Table:
    """Invert `table_to_json`; other keys are ignored."""
    rows = [
        Row(**row | {"seeds": tuple(row["seeds"]), "estimates": {m: Estimate(*map(_parsed, e)) for m, e in row["estimates"].items()}})
        for row in content["rows"]
    ]
    metrics = [_card(entry) for entry in content["metrics"]]
    published = tuple(Published(**cell) for cell in content.get("published", ()))
    return Table(content["table"], content["protocol"], content["resolution"], content["bootstrap"], tuple(metrics), tuple(rows), published)


def _card(entry: Mapping[str, Any]) -> MetricCard:
    """Return a metric's card from a table's json.

    An older json has other names for two keys, and no definition.
    """
    renamed = {{"source": "citation", "sources": "assets"}.get(key, key): value for key, value in entry.items()}
    return MetricCard(**{"definition": "", **renamed, "assets": tuple(renamed["assets"])})


def table_values(table: Table) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return {dataset: {degradation: {method: {metric id: value}}}}, with `n_failed` among the
    metrics.

    Infinite and unmeasured values are left out, since neither JSON nor DVC can hold them.
    """
    values: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in table.rows:
        finite = {metric: estimate.value for metric, estimate in row.estimates.items() if math.isfinite(estimate.value)}
        values.setdefault(row.dataset, {}).setdefault(row.degradation, {})[row.method] = {"n_failed": row.n_failed} | finite
    return values


def _without_zero(entry: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != key or value}


def _plain(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def _parsed(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _read_row(row: RowSpec, cards: Sequence[MetricCard], scores: Path) -> dict[str, list[Scores]]:
    """Return metric id → its score files, one a seed."""
    folder = scores / row.dataset / row.degradation / row.method
    applicable = [card for card in cards if row.has_truth or not card.needs_truth]
    return {card.id: [read_scores(folder / str(seed) / f"{card.id}.csv", card.level) for seed in row.seeds] for card in applicable}


def _common_ids(files: Sequence[Scores], lq_ids: set[str], block: tuple[str, str]) -> list[str]:
    """Return the sorted image ids of a block, which every score file must have: pairing is by id."""
    image_files = [one for one in files if SET_ROW not in one.values]
    ids = set(image_files[0].values) if image_files else lq_ids
    origin = str(image_files[0].path) if image_files else f"the degraded set {'/'.join(block)}"
    for one in image_files:
        _require_equal(one.path, set(one.values), ids, origin)
    for one in files:
        if stray := set(one.failures) - ids:
            raise UserError(f"{one.path} has images that {origin} has not: {name_some(stray)}. Delete it and measure again.")
    measured = {image_id for one in image_files for image_id, value in one.values.items() if not math.isnan(value)}
    if odd := (lq_ids - ids) | (measured - lq_ids):
        raise UserError(
            f"The scores of {'/'.join(block)} and its degraded images are not of the same set: found {len(ids)} images in {origin}, "
            f"{len(lq_ids)} degraded; in one of the two alone: {name_some(odd)}. Delete the scores and measure again."
        )
    if not ids:
        raise UserError(f"The set {'/'.join(block)} has no images; expected at least one. Look into its dataset in the config.")
    return sorted(ids)


def _require_equal(path: Path, found: set[str], expected: set[str], origin: str) -> None:
    if found != expected:
        problems = [f"{what}: {name_some(ids)}" for what, ids in (("missing", expected - found), ("too many", found - expected)) if ids]
        raise UserError(
            f"{path} is not about the same images as {origin}; {'; '.join(problems)}. Methods are compared image by image: measure again."
        )


def _finish(row: RowSpec, spec: TableSpec, by_metric: Mapping[str, list[Scores]], ids: list[str], indices: np.ndarray) -> Row:
    failed = {image_id for files in by_metric.values() for one in files for image_id in one.failures}
    estimates = {
        metric: estimate(by_metric[metric], spec.metric_cards[metric], ids, indices) if metric in by_metric else UNMEASURED
        for metric in spec.metrics
    }
    label, control = spec.label(row.method), spec.is_control(row.method)
    reasons = {reason for files in by_metric.values() for one in files for reason in one.failures.values()}
    nothing = len(failed) == len(ids) and all(math.isnan(one.value) for one in estimates.values())
    note = next(iter(reasons)) if nothing and len(reasons) == 1 else ""
    perfect = max((count_perfect(files, spec.metric_cards[metric], ids) for metric, files in by_metric.items()), default=0)
    return Row(row.method, label, control, row.dataset, row.degradation, len(ids), len(failed), tuple(row.seeds), estimates, note, perfect)


def estimate(files: Sequence[Scores], card: MetricCard, ids: Sequence[str], indices: np.ndarray) -> Estimate:
    """Return a metric's value and interval over the images `ids` (sorted) and their resamples.

    Seeds are averaged first, image by image (or replicate by replicate), so the interval is about
    images alone. Images that equal the ground truth, where others don't, are left out of an
    infinite mean (`without_perfect`).

    Args:
        files: the score files, one a seed.
        indices: (n_boot, n) of `bootstrap_indices`.
    """
    if card.level == "image":
        return mean_interval(without_perfect(image_values(files, card, ids)), indices)
    value = float(mean_over_seeds(np.array([one.values[SET_ROW] for one in files])))
    replicates = mean_over_seeds(np.stack([read_replicates(one, len(indices)) for one in files]))
    return percentile_interval(value, replicates) if card.resamples == "people" else set_interval(value, replicates)


def image_values(files: Sequence[Scores], card: MetricCard, ids: Sequence[str]) -> np.ndarray:
    """Return each image's mean over the seeds, (n,); NaN for a failed one."""
    return mean_over_seeds(np.array([[one.counted(image_id, card) for image_id in ids] for one in files]))


def count_perfect(files: Sequence[Scores], card: MetricCard, ids: Sequence[str]) -> int:
    """Return the number of images that an infinite value takes out of the mean."""
    if card.level != "image":
        return 0
    values = image_values(files, card, ids)
    return int((np.isnan(without_perfect(values)) & ~np.isnan(values)).sum())


def perfect_note(perfect: int) -> str:
    """Return `1 image equals the truth, at infinite dB: left out of that mean`; empty for none."""
    if not perfect:
        return ""
    equal = "1 image equals the truth" if perfect == 1 else f"{perfect} images equal the truth"
    return f"{equal}, at infinite dB: left out of that mean"
