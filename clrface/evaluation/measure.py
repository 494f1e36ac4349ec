"""Measure one metric over folders of restored images, and write its score file.

Images are paired by image_id, never by position. A restored image that failed, or that can't be measured, keeps its row with
the reason. `<metric>.csv` has the columns image_id, value, status, one row an image, sorted by id. A set metric's file has one
row `*` with the value, then rows for the failed images alone; beside it `<metric>.replicates.csv` has the bootstrap's raw values.
Resamples repeat images, which makes a set look less varied: raw Frechet replicates lie above the value. The table centres them.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from tqdm import tqdm

from clrface.api import OK, ImageMetric, MetricCard, Score, SetMetric
from clrface.errors import UserError
from clrface.files import write_text
from clrface.images import read_rgb, to_unit
from clrface.manifest import match_ids
from clrface.metrics.collect import problem
from clrface.metrics.registry import load_metric, metric_card
from clrface.stats.bootstrap import Resampling, bootstrap_indices

SET_ROW = "*"
STATUS_FILES = ("status.csv", "index.csv")
"""What a restoring or an aligning job says of its images: columns image_id and status, among others."""


class Images(NamedTuple):
    """One side of the comparison, by image_id: its files, and the reasons of those that failed."""

    files: dict[str, Path]
    failures: dict[str, str]


class Sides(NamedTuple):
    """What is compared: the restored images, what each is held against (None: nothing), and the clean faces of another set (or none)."""

    pred: Images
    ref: Images | None = None
    clean: Sequence[Path] = ()


class Pair(NamedTuple):
    """A restored image and its ground truth, (3, H, W) float32 in [0, 1] each; `ref` is None without ground truth."""

    image_id: str
    pred: np.ndarray
    ref: np.ndarray | None


class AgainstClean(Protocol):
    """What a metric against clean faces has beside `update` and `result`."""

    def update_clean(self, faces: np.ndarray) -> None:
        """Take a batch, (B, 3, H, W) float32 RGB in [0, 1]."""
        ...


def measure(
    metric_id: str,
    pred_folders: Sequence[Path],
    ref_folders: Sequence[Path] | None,
    ids: Sequence[str],
    sources: Path,
    out: Path,
    resampling: Resampling,
    batch: int = 16,
    cache: Path | None = None,
) -> None:
    """Write `out`, the metric's score file for the images `ids`, and a set metric's replicates beside it.

    pred_folders, ref_folders: one folder a chunk, with `<image_id>.png` and a status file. ref_folders: what the metric, by its card, holds
    the restored images against: their ground truth (None without), their inputs, or the clean faces of another set.
    sources: the fetched sources (data/raw). resampling: which bootstrap resamples to draw.
    cache: where networks' features are kept for other metrics and rows (clrface.metrics.networks.memory); None: nowhere.

    Raises: UserError for an unknown metric; a missing, extra, doubled or truncated image; missing weights; no ground truth
    where the metric needs one.
    """
    card, ids = metric_card(metric_id), sorted(ids)
    pred = gather(pred_folders, ids)
    clean = _images(ref_folders or ()) if card.against == "clean" else ()
    sides = Sides(pred, _reference(card, ref_folders, ids, resampling.dataset, pred), clean)
    scores, replicates = score(card, sides, ids, load_metric(metric_id, sources, cache), resampling, batch)
    if replicates is not None:
        write_replicates(out, replicates)
    write_scores(out, scores)


def score(
    card: MetricCard,
    sides: Sides,
    ids: Sequence[str],
    metric: ImageMetric | SetMetric,
    resampling: Resampling,
    batch: int = 16,
) -> tuple[dict[str, Score], np.ndarray | None]:
    """The scores of the images `ids` (sorted) by image_id, or of the set under `*`; with a set metric's replicates, (n_boot,).

    `metric` is fresh, of `card`. Raises: UserError for a truncated image, and without clean faces where the metric needs them.
    """
    pred, ref = sides.pred, sides.ref
    failures = _failed_before(pred, ref)
    waiting = [image_id for image_id in ids if image_id not in failures]
    if card.against == "clean":
        _take_clean(cast(AgainstClean, metric), sides.clean, batch)
    measured: list[str] = []
    readable = tqdm(_measurable(waiting, pred, ref, failures), desc=card.id, total=len(waiting), unit="image", leave=False)
    for pairs in _batches(readable, batch):
        refs = [pair.ref for pair in pairs if pair.ref is not None]
        metric.update(np.stack([pair.pred for pair in pairs]), np.stack(refs) if refs else None)
        measured += [pair.image_id for pair in pairs]
    failed = {image_id: Score(math.nan, reason) for image_id, reason in failures.items()}
    if card.level == "image":
        return dict(zip(measured, cast(ImageMetric, metric).result(), strict=True)) | failed, None
    indices = bootstrap_indices(*resampling, len(ids))
    value, replicates = _of_set(cast(SetMetric, metric), np.searchsorted(ids, measured), indices)
    return {SET_ROW: value} | failed, replicates


def write_scores(out: Path, scores: Mapping[str, Score]) -> None:
    """Write a score file: image_id (or `*`) to score, sorted."""
    _write_csv(out, ["image_id", "value", "status"], (_row(image_id, scores[image_id]) for image_id in sorted(scores)))


def write_replicates(out: Path, replicates: np.ndarray) -> None:
    """Write a set metric's bootstrap values, (n_boot,), beside its score file `out`."""
    _write_csv(out.with_name(f"{out.stem}.replicates.csv"), ["replicate", "value"], enumerate(replicates.tolist()))


def gather(folders: Sequence[Path], ids: Sequence[str]) -> Images:
    """The files of the images `ids` in `folders`, and what their status files say of the others.

    Raises: UserError for an image without file or reason, one too many, one that lies in two folders, and one with both a
    file and a reason to have none.
    """
    files: dict[str, Path] = {}
    failures: dict[str, str] = {}
    where = ", ".join(str(folder) for folder in folders)
    for folder in folders:
        for path in sorted(Path(folder).glob("*.png")):
            if path.name.startswith("."):
                continue
            if path.stem in files:
                raise UserError(f"Image '{path.stem}' lies in {files[path.stem].parent} and in {folder}. Expected it once: remove one.")
            files[path.stem] = path
        failures |= reasons(Path(folder))
    both = sorted(files.keys() & failures.keys())
    if both:
        raise UserError(f"{files[both[0]]} exists, but its status says '{failures[both[0]]}'. Delete its folder and make it again.")
    match_ids([*files, *failures], ids, where)
    return Images(files, failures)


def reasons(folder: Path) -> dict[str, str]:
    """image_id to reason, of the images that the folder's status file calls failed; none without such a file."""
    for name in STATUS_FILES:
        if (folder / name).is_file():
            with (folder / name).open(newline="", encoding="utf-8") as handle:
                rows = list(csv.DictReader(handle))
            if any(not row.get("image_id") or not row.get("status") for row in rows):
                raise UserError(f"{folder / name} has a row without image_id or status. Delete the folder and make it again.")
            return {row["image_id"]: row["status"] for row in rows if row["status"] != OK}
    return {}


def _reference(card: MetricCard, folders: Sequence[Path] | None, ids: Sequence[str], dataset: str, pred: Images) -> Images | None:
    """The paired images: the ground truth, or the inputs; None for a metric without."""
    if not card.needs_reference:
        return None
    if folders is None:
        raise UserError(f"Metric '{card.id}' compares with the ground truth, and '{dataset}' has none. Leave the metric out for it.")
    if card.against == "input":  # what could not be aligned has no input, and nothing was restored from it
        there = {path.stem for folder in folders for path in Path(folder).glob("*.png")}
        ids = [image_id for image_id in ids if image_id in there or image_id not in pred.failures]
    return gather(folders, ids)


def _images(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders for path in sorted(Path(folder).glob("*.png")) if not path.name.startswith(".")]


def _take_clean(metric: AgainstClean, files: Sequence[Path], batch: int) -> None:
    """All clean faces that could be aligned. Raises: UserError when there is none."""
    if not files:
        raise UserError("Found 0 clean faces to compare with. Name a test set as the dataset's `reference` in the config.")
    for start in range(0, len(files), batch):
        metric.update_clean(np.stack([to_unit(read_rgb(path)) for path in files[start : start + batch]]))


def _failed_before(pred: Images, ref: Images | None) -> dict[str, str]:
    """The reason of every image that can't even be read: the restorer's own, else the ground truth's."""
    lacking = {image_id: f"no ground truth: {reason}" for image_id, reason in ref.failures.items()} if ref else {}
    return lacking | pred.failures


def _measurable(ids: Sequence[str], pred: Images, ref: Images | None, failures: dict[str, str]) -> Iterator[Pair]:
    """Read the pairs one by one; what can't be measured goes to `failures` with its reason instead."""
    for image_id in ids:
        restored = to_unit(read_rgb(pred.files[image_id]))
        truth = to_unit(read_rgb(ref.files[image_id])) if ref else None
        reason = problem(restored, truth)
        if reason is None:
            yield Pair(image_id, restored, truth)
        else:
            failures[image_id] = reason


def _batches(pairs: Iterable[Pair], size: int) -> Iterator[list[Pair]]:
    """Runs of at most `size` pairs of one shape."""
    batch: list[Pair] = []
    for pair in pairs:
        if batch and (len(batch) == size or batch[0].pred.shape != pair.pred.shape):
            yield batch
            batch = []
        batch.append(pair)
    if batch:
        yield batch


def _of_set(metric: SetMetric, places: np.ndarray, indices: np.ndarray) -> tuple[Score, np.ndarray]:
    """The set's value and its replicates, (n_boot,).

    The metric took the images at `places` of the sorted ids, in that order; `indices` (n_boot, n) are places of all ids. A failed
    image is left out of the resamples that draw it. A replicate is NaN when its resample has too few images for a value.
    """
    order = np.full(indices.shape[1], -1)
    order[places] = np.arange(len(places))
    value = metric.result()
    if math.isnan(value):
        return Score(math.nan, f"too few images: {len(places)} could be measured"), np.full(len(indices), math.nan)
    drawn = order[indices]
    return Score(value), np.array([metric.result(row[row >= 0]) for row in tqdm(drawn, desc="bootstrap", unit="resample", leave=False)])


def _row(image_id: str, score: Score) -> tuple[str, Any, str]:
    return image_id, "" if score.status != OK else score.value, score.status


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
