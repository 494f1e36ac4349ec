"""The faces on the page: a fixed sample, and each method's best and worst by one metric."""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clrface.api import MetricCard
from clrface.names import natural
from clrface.report.gallery import Gallery
from clrface.report.records import Places
from clrface.report.requests import SetSpec
from clrface.report.samples import spread
from clrface.tables.scores import read_scores
from clrface.tables.table import Row, Table, format_value

FACES, LEAST_FACES, CASES = 6, 3, 2
"""Sampled faces of a set, where the page has room and where it hasn't, and cases a method has at
either end.
"""
SETS_AT_MOST = 6
SAMPLED_AT_MOST, CASES_AT_MOST = 160, 240
"""Images that the page has room for: more test sets show fewer faces each, the sampled ones down to
LEAST_FACES.
"""
INPUT, TRUTH = "@input", "@truth"
LABELS = {INPUT: "Input", TRUTH: "Ground truth"}
PREFERRED = "idd_dlib"


@dataclass(frozen=True)
class FaceSet:
    """One test set as the page shows it: the images of its input, its methods and its truth."""

    name: str
    """`orl/blind`: begins the keys of its images."""
    dataset: str
    degradation: str
    columns: Mapping[str, str]
    """Column to label: input, methods in the table's order, truth."""
    rows: Mapping[str, Row]
    """The column's row of the table; the input and the truth have one where the controls of their
    images do.
    """
    metrics: tuple[MetricCard, ...]
    """Those with a value for each face."""
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    """column → metric → image_id → value of the seed whose image is shown."""
    folders: Mapping[str, Path]
    chunks: Sequence[str]
    image_ids: Sequence[str]

    @property
    def title(self) -> str:
        return f"{self.dataset}, {self.degradation}"

    @property
    def thumbnail(self) -> str:
        """The column that the faces are chosen by."""
        return TRUTH if TRUTH in self.columns else INPUT

    @property
    def methods(self) -> list[str]:
        return [column for column in self.columns if column not in LABELS]

    @property
    def chosen(self) -> str:
        """The method shown first: CLR-Face, or the last that competes."""
        competing = [column for column in self.methods if not self.rows[column].control]
        return "clrface" if "clrface" in competing else (competing or self.methods or [INPUT])[-1]

    def text(self, column: str, metric: MetricCard, image_id: str) -> str:
        """A face's score as printed; empty if it has none."""
        value = self.scores.get(column, {}).get(metric.id, {}).get(image_id, math.nan)
        return "" if math.isnan(value) else format_value(value, metric)


@dataclass(frozen=True)
class Cases:
    """A method's best and worst faces."""

    column: str
    label: str
    best: Sequence[str]
    worst: Sequence[str]
    median: str
    failed: int
    """Faces without a value, which stand at neither end."""


def face_sets(tables: Sequence[Table], places: Places, spec: SetSpec) -> list[FaceSet]:
    """The test sets of all tables, each once with every method and metric that some table has for
    it.

    Raises: UserError for scores that are malformed.
    """
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    metrics: dict[tuple[str, str], dict[str, MetricCard]] = {}
    for table in tables:
        of_images = {card.id: card for card in table.metrics if card.level == "image"}
        for dataset, degradation, members in table.blocks():
            block = (dataset, degradation)
            rows[block] = {row.method: row for row in members} | rows.get(block, {})
            metrics.setdefault(block, {}).update(of_images)
    return [_face_set(*block, members, tuple(metrics[block].values()), places, spec) for block, members in rows.items()]


def sampled(one: FaceSet, gallery: Gallery, n_sets: int) -> list[str]:
    """Evenly spaced faces of the set, never picked by score; their images, of every column, go into
    the gallery.
    """
    count = min(FACES, max(LEAST_FACES, SAMPLED_AT_MOST // (n_sets * len(one.columns))))
    chosen = spread(one.image_ids, count)
    for column in one.columns:
        add_images(one, column, chosen, gallery)
    return chosen


def case_metric(one: FaceSet) -> MetricCard | None:
    """What best and worst are by: the distance of the persons, or the first metric measured, one
    with a reference if there is any.
    """
    measured = [card for card in one.metrics if any(card.id in one.scores[column] for column in one.methods)]
    order = sorted(measured, key=lambda card: (card.id != PREFERRED, not card.needs_reference))
    return order[0] if order else None


def cases(one: FaceSet, card: MetricCard, gallery: Gallery, n_sets: int) -> list[Cases]:
    """Return each method's best and worst faces, with input and ground truth in the gallery.

    No face of a method is both.
    """
    most = min(CASES, max(1, CASES_AT_MOST // (n_sets * max(1, len(one.methods)) * 6)))
    found = [_cases(one, column, card, most) for column in one.methods]
    for method in found:
        for column in dict.fromkeys((INPUT, method.column, TRUTH)):
            if column in one.columns:
                add_images(one, column, [*method.worst, *method.best], gallery)
    return found


def ranked(values: Mapping[str, float], card: MetricCard) -> list[str]:
    """The faces that were measured, the best first; equal ones in the order of their ids, from
    behind where higher is better.
    """
    measured = [image_id for image_id, value in values.items() if not math.isnan(value)]
    return sorted(measured, key=lambda image_id: (values[image_id], natural(image_id)), reverse=card.direction == "higher")


def add_images(one: FaceSet, column: str, image_ids: Sequence[str], gallery: Gallery) -> None:
    """Put one column's images of some faces into the gallery."""
    gallery.add(f"{one.name}/{column}", one.folders[column], image_ids, one.chunks)


def _cases(one: FaceSet, column: str, card: MetricCard, most: int) -> Cases:
    values = one.scores[column].get(card.id, {})
    measured = {image_id: value for image_id, value in values.items() if not math.isnan(value)}
    order = ranked(values, card)
    count = min(most, len(order) // 2)
    median = format_value(statistics.median(measured.values()), card) if measured else ""
    worst = order[len(order) - count :][::-1]
    return Cases(column, one.columns[column], order[:count], worst, median, len(values) - len(measured))


def _face_set(
    dataset: str, degradation: str, rows: Mapping[str, Row], metrics: tuple[MetricCard, ...], places: Places, spec: SetSpec
) -> FaceSet:
    shown = {name: row for name, row in rows.items() if name not in spec.same_as.values()}
    doubles = {column: rows[name] for column, name in spec.same_as.items() if name in rows}
    columns = {INPUT: LABELS[INPUT], **{name: row.label for name, row in shown.items()}}
    folders = {name: places.restored(dataset, degradation, name, row.seeds[0]) for name, row in shown.items()}
    folders[INPUT] = places.degraded(dataset, degradation)
    if dataset not in spec.without_truth:
        columns[TRUTH], folders[TRUTH] = LABELS[TRUTH], places.aligned(dataset)
    scores = {column: _scores(row, metrics, places) for column, row in (shown | doubles).items()}
    chunks = spec.chunks[dataset]
    ids = _image_ids(places.aligned(dataset), chunks)
    name = f"{dataset}/{degradation}"
    return FaceSet(name, dataset, degradation, columns, shown | doubles, metrics, scores, folders, chunks, ids)


def _scores(row: Row, metrics: Collection[MetricCard], places: Places) -> dict[str, dict[str, float]]:
    """metric → image_id → value at the row's first seed, for the metrics that were measured."""
    paths = {card.id: places.scores(row.dataset, row.degradation, row.method, row.seeds[0], card.id) for card in metrics}
    return {metric: read_scores(path, "image").values for metric, path in paths.items() if path.is_file()}


def _image_ids(aligned: Path, chunks: Sequence[str]) -> list[str]:
    """The faces that could be aligned, in natural order."""
    return sorted((path.stem for chunk in chunks for path in (aligned / chunk).glob("*.png") if not path.name.startswith(".")), key=natural)
