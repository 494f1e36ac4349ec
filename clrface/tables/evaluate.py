"""`clrface evaluate`: a protocol's table for any two folders of images, without a workflow.

It shares the code of measuring, bootstrap and rounding with the workflow's tables.
"""

import csv
import hashlib
import io
import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.evaluation.measure import Images, Sides, reasons, score, write_replicates, write_scores
from clrface.fingerprint import fingerprint
from clrface.images import read_size
from clrface.intact import RECORD
from clrface.listing import Listing, list_images
from clrface.manifest import match_ids
from clrface.metrics.protocols import Protocol
from clrface.metrics.registry import load_metric, metric_card, metric_modules
from clrface.stats.bootstrap import UNMEASURED, Estimate, Resampling, bootstrap_indices
from clrface.tables.formats import DASH, count, heading
from clrface.tables.scores import read_scores
from clrface.tables.table import count_perfect, estimate, format_value, perfect_note

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 120
SHOWN_FAILURES = 5
COLUMNS = ("protocol", "metric", "label", "unit", "direction", "value", "lo", "hi", "n", "n_failed", "note")


@dataclass(frozen=True)
class Folders:
    """What is compared: folders of images, paired by file stem."""

    pred: Path
    gt: Path | None = None
    """The ground truth. Without it, metrics that need it stay empty."""
    lq: Path | None = None
    """The degraded inputs, for metrics that compare with them."""
    clean: Path | None = None
    """Clean faces of other people, for distances to them; not paired."""


class Line(NamedTuple):
    """A metric's row.

    `failures`: image_id to reason, for the images that it could not measure.
    """

    card: MetricCard
    estimate: Estimate
    failures: dict[str, str]
    note: str = ""
    """Why there is no value."""
    perfect: int = 0
    """The number of images that equal the ground truth, where others don't. They are left out of an
    infinite mean.
    """


@dataclass(frozen=True)
class Evaluation:
    """The finished table."""

    protocol: str
    folders: Folders
    n: int
    size: str
    n_boot: int
    lines: tuple[Line, ...]
    skipped: tuple[str, ...] = ()
    """What each folder holds beside images: one sentence a folder."""

    @property
    def values(self) -> dict[str, float]:
        """Return each metric's value by its id; NaN for one that has none."""
        return {line.card.id: line.estimate.value for line in self.lines}

    def to_frame(self) -> "pd.DataFrame":
        """Return the table, one row a metric, indexed by its id.

        Columns: value, interval, images measured and failed, unit, direction, note.
        """
        import pandas as pd

        rows = [(*_about(self, line), *line.estimate, self.n, len(line.failures), _note(line)) for line in self.lines]
        return pd.DataFrame(rows, columns=list(COLUMNS)).set_index("metric")

    @property
    def complete(self) -> bool:
        """Return whether every metric has a value."""
        return not any(line.note for line in self.lines)


def evaluate(
    protocol: Protocol,
    metrics: Sequence[str],
    folders: Folders,
    sources: Path,
    n_boot: int = 1000,
    base_seed: int = 0,
    batch: int = 16,
    cache: Path | None = None,
) -> Evaluation:
    """Measure `metrics`, of `protocol`, over the folders.

    Args:
        sources: the folder of fetched sources (data/raw). A metric without its weights or reference
            has a line that says so.
        cache: keeps features and each finished metric's scores; nothing is measured twice while
            images and code stay the same.

    Raises: UserError for a folder that is missing or empty, missing or extra images, pairs of
    different sizes, an image that can't be read, and fewer than one resample.
    """
    if n_boot < 1:
        raise UserError(f"Found {n_boot} bootstrap resamples, but expected at least 1, e.g. 1000.")
    listings = {folder: list_images(folder) for folder in (folders.pred, folders.gt, folders.lq, folders.clean) if folder}
    pred = Images(listings[folders.pred].images, reasons(folders.pred))
    ids = sorted({*pred.files, *pred.failures})
    paired = (("truth", folders.gt), ("input", folders.lq))
    others = {name: _paired(folder, listings, pred, ids) for name, folder in paired if folder}
    clean = tuple(listings[folders.clean].images.values()) if folders.clean else ()
    size = _sizes(pred)
    lines = []
    for card in tqdm([metric_card(name) for name in metrics], desc="evaluate", unit="metric"):
        try:
            lines.append(_line(card, _sides(card, pred, others, clean), ids, sources, n_boot, base_seed, batch, cache))
        except _Lacking as reason:
            lines.append(Line(card, UNMEASURED, {}, str(reason)))
    skipped = tuple(f"{folder}: {listing.told()}." for folder, listing in listings.items() if listing.skipped)
    return Evaluation(protocol.name, folders, len(ids), size, n_boot, tuple(lines), skipped)


class _Lacking(Exception):
    """What a metric needs and lacks. Its line says so, while the others are measured."""


def _paired(folder: Path, listings: Mapping[Path, Listing], pred: Images, ids: Sequence[str]) -> Images:
    """Return the partners of the restored images.

    Raises: UserError for other names, or another size.
    """
    found = Images(listings[folder].images, reasons(folder))
    ours = next(iter(pred.files.values())).parent
    told = "".join(f"; {place}: {listings[place].told()}" for place in dict.fromkeys([ours, folder]) if listings[place].skipped)
    match_ids(ids, [*found.files, *found.failures], f"{ours} (beside {folder}{told})")
    for image_id in pred.files.keys() & found.files.keys():
        ours, theirs = (read_size(files[image_id]) for files in (pred.files, found.files))
        if ours != theirs:
            raise UserError(
                f"{pred.files[image_id]} has {_by(ours)} pixels, but {found.files[image_id]} has {_by(theirs)}. "
                "Pairs must be of one size: bring the restored images to their partners' size."
            )
    return found


def _sides(card: MetricCard, pred: Images, others: Mapping[str, Images], clean: Sequence[Path]) -> Sides:
    """Return what the metric compares. Raises: _Lacking."""
    if card.against == "gallery":
        raise _Lacking("Recognition needs a manifest of people: see table4 of the workflow.")
    if card.against == "clean":
        if not clean:
            raise _Lacking("Compares with clean faces of other people: give --clean FOLDER.")
        return Sides(pred, clean=clean)
    if not card.needs_reference:
        return Sides(pred)
    if card.against not in others:
        option, what = ("--lq", "inputs") if card.against == "input" else ("--gt", "ground truth")
        raise _Lacking(f"Compares with the {what}: give {option} FOLDER.")
    return Sides(pred, others[card.against])


def _line(
    card: MetricCard, sides: Sides, ids: Sequence[str], sources: Path, n_boot: int, base_seed: int, batch: int, cache: Path | None
) -> Line:
    key = [fingerprint(*metric_modules(card.id)), n_boot, base_seed, _seen(card, sides, sources), list(ids)]
    with _score_folder(cache, key) as folder:  # the files that tables are made of: one reader, one arithmetic
        path = folder / f"{card.id}.csv"
        if not path.is_file():
            try:
                metric = load_metric(card.id, sources, cache)
            except UserError as error:
                raise _Lacking(str(error)) from error
            found, replicates = score(card, sides, ids, metric, Resampling(base_seed, "evaluate", n_boot), batch)
            if replicates is not None:
                write_replicates(path, replicates)
            write_scores(path, found)  # last: where it is, the metric was measured
        scores = read_scores(path, card.level)
        value = estimate([scores], card, ids, bootstrap_indices(base_seed, "evaluate", n_boot, len(ids)))
        reason = _first_reason(path)
    note = "" if not math.isnan(value.value) else "No value: " + reason
    return Line(card, value, scores.failures, note, count_perfect([scores], card, ids))


@contextmanager
def _score_folder(cache: Path | None, key: Sequence[Any]) -> Iterator[Path]:
    """Make the folder for a metric's scores.

    With `cache` it is kept there under the key, so that a stopped evaluation can resume. Without,
    it is temporary.
    """
    if cache is None:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        yield cache / "evaluate" / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def _seen(card: MetricCard, sides: Sides, sources: Path) -> list[Any]:
    """Return what a score depends on: files by path, size and time of change, and images that
    failed before.
    """
    sets = [side for side in (sides.pred, sides.ref) if side]
    images = [path for side in sets for path in side.files.values()]
    records = [path for name in card.assets if (path := sources / name / RECORD).is_file()]
    stats = [(path, path.stat()) for path in (*images, *sides.clean, *records)]
    return [[str(path.absolute()), stat.st_size, stat.st_mtime_ns] for path, stat in stats] + [side.failures for side in sets]


def _first_reason(path: Path) -> str:
    """Return why the first image, or the set, of a score file has no value; empty where all have
    one.
    """
    with path.open(newline="", encoding="utf-8") as handle:
        return next((row["status"] for row in csv.DictReader(handle) if not row["value"]), "")


def _sizes(images: Images) -> str:
    sizes = sorted({read_size(path) for path in images.files.values()})
    return f"{_by(sizes[0])} px" if len(sizes) == 1 else f"{_by(sizes[0])} to {_by(sizes[-1])} px"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def to_csv(evaluation: Evaluation) -> str:
    """Return a line a metric.

    A number is the shortest text that reads back to the same float, or `inf`; empty, with a note,
    without a value.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in evaluation.lines:
        numbers = ["" if math.isnan(part) else repr(part) for part in line.estimate]
        writer.writerow([*_about(evaluation, line), *numbers, evaluation.n, len(line.failures), _note(line)])
    return text.getvalue()


def _about(evaluation: Evaluation, line: Line) -> tuple[str, ...]:
    """Return the first columns of a metric's row."""
    card = line.card
    return evaluation.protocol, card.id, card.label, card.unit, card.direction


def _note(line: Line) -> str:
    return line.note or perfect_note(line.perfect)


def render(evaluation: Evaluation, width: int = WIDTH) -> str:
    """Return the table for the terminal: a line a metric, its interval, and the failures with
    reasons.
    """
    folders = evaluation.folders
    against = "".join(
        f", {what} {folder}" for what, folder in (("truth", folders.gt), ("inputs", folders.lq), ("clean", folders.clean)) if folder
    )
    title = f"{folders.pred}{against} · {count(evaluation.n)} · {evaluation.size} · protocol {evaluation.protocol}"
    rows = [("metric", "id", "value", "95 % interval", "failed"), *map(_cells, evaluation.lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" ".join(_padded(cells, widths)).rstrip() for cells in rows]
    lines.insert(1, "─" * (sum(widths) + len(widths) - 1))
    notes = [f"{line.card.id}: {line.note}" for line in evaluation.lines if line.note] + _failures(evaluation.lines)
    notes += [f"{line.card.id}: {perfect_note(line.perfect)}." for line in evaluation.lines if line.perfect]
    notes += evaluation.skipped
    legend = (
        f"↑ higher is better, ↓ lower is better. {DASH} not measured. failed: images left out of the value, of {evaluation.n}. "
        f"Intervals: bootstrap over images, {evaluation.n_boot} resamples. Numbers compare within one protocol, size and degraded set."
    )
    wrapped = [part for note in notes for part in textwrap.wrap(note, width, subsequent_indent="  ", break_long_words=False)]
    return "\n".join([*textwrap.wrap(title, width), *lines, "", *wrapped, *([""] if wrapped else []), *textwrap.wrap(legend, width)]) + "\n"


def _cells(line: Line) -> tuple[str, ...]:
    card, (value, low, high) = line.card, line.estimate
    if math.isnan(value):
        return heading(card), card.id, DASH, "", str(len(line.failures))
    interval = f"[{format_value(low, card)}, {format_value(high, card)}]"
    return heading(card), card.id, format_value(value, card), interval, str(len(line.failures))


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Align names to the left, numbers to the right."""
    return [cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(zip(cells, widths, strict=True))]


def _failures(lines: Sequence[Line]) -> list[str]:
    """Return the reasons of failed images, each once: `a, b: not finite ... (psnr, ssim)`."""
    told: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_image: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for image_id, reason in line.failures.items():
            by_image.setdefault((image_id, reason), []).append(line.card.id)
    for (image_id, reason), metrics in by_image.items():
        told.setdefault((reason, tuple(metrics)), []).append(image_id)
    return [f"{_some(ids)}: {reason} ({', '.join(metrics)})." for (reason, metrics), ids in told.items()]


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_FAILURES} more" if len(ids) > SHOWN_FAILURES else ""
    return ", ".join(sorted(ids)[:SHOWN_FAILURES]) + more
