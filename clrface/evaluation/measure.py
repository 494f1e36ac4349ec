"""Measure one metric over folders of restored images, and write its score file.

Images are paired by image_id, never by position. A restored image that failed, or can't be
measured, keeps its row with the reason. `<metric>.csv` has the columns image_id, value, status, one
row an image, sorted by id. A set metric's file has one row `*` with the value, then rows for the
failed images alone. Beside it, `<metric>.replicates.csv` has the bootstrap's raw values. Resamples
repeat images, which makes a set look less varied, so raw Frechet replicates lie above the value.
The table centres them.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from tqdm import tqdm

from clrface.api import OK, ImageMetric, MetricCard, ReplicatedMetric, Score, SetMetric
from clrface.errors import UserError
from clrface.files import write_text
from clrface.images import read_rgb, to_unit
from clrface.manifest import match_ids
from clrface.metrics.collect import problem
from clrface.metrics.registry import load_metric, metric_card
from clrface.stats.bootstrap import Resampling, bootstrap_indices

SET_ROW = "*"
STATUS_FILES = ("status.csv", "index.csv")
"""The status files of restoring and aligning jobs, with image_id and status among their columns."""


class Images(NamedTuple):
    """One side of the comparison, by image_id: the files, and the reasons of the failed images."""

    files: dict[str, Path]
    failures: dict[str, str]


class Sides(NamedTuple):
    """What is compared: restored images, the images paired with them (or None), and clean faces of
    another set (or none).
    """

    pred: Images
    ref: Images | None = None
    clean: Sequence[Path] = ()


class Pair(NamedTuple):
    """A restored image and its reference, (3, H, W) float32 in [0, 1] each; `ref` is None without
    one.
    """

    image_id: str
    pred: np.ndarray
    ref: np.ndarray | None


class AgainstClean(Protocol):
    """The further method of a metric against clean faces."""

    def update_clean(self, faces: np.ndarray) -> None:
        """Take a batch of clean faces, (B, 3, H, W) float32 RGB in [0, 1]."""
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
    """Write a metric's score file, and a set metric's replicates beside it.

    Args:
        metric_id: the metric.
        pred_folders: one folder a chunk, with `<image_id>.png` and a status file.
        ref_folders: the folders that the metric's card compares with: ground truth (None without),
            inputs, or clean faces of another set.
        ids: the images.
        sources: the folder of fetched sources (data/raw).
        out: the score file.
        resampling: the bootstrap resamples to draw.
        batch: images measured at once.
        cache: keeps networks' features for other metrics and rows
            (clrface.metrics.networks.memory); None: no cache.

    Raises: UserError for an unknown metric; a missing, extra, doubled or truncated image; missing
    weights; and missing ground truth for a metric that needs it.
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
    """Return the scores by image_id, or of the set under `*`; and a set metric's replicates,
    (n_boot,).

    Args:
        metric: a fresh metric, of `card`.
        ids: the images, sorted.

    Raises: UserError for a truncated image, and for missing clean faces where the metric needs
    them.
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
    """Find the files of the images `ids` in `folders`, and the reasons of the others in status
    files.

    Raises: UserError for an image without file or reason, an extra image, one in two folders, and
    one with both a file and a reason.
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
    """Return image_id to reason, for the images that the folder's status file calls failed.

    Empty without such a file.

    Raises: UserError for a row without image_id or status.
    """
    for name in STATUS_FILES:
        if (folder / name).is_file():
            with (folder / name).open(newline="", encoding="utf-8") as handle:
                rows = list(csv.DictReader(handle))
            if any(not row.get("image_id") or not row.get("status") for row in rows):
                raise UserError(f"{folder / name} has a row without image_id or status. Delete the folder and make it again.")
            return {row["image_id"]: row["status"] for row in rows if row["status"] != OK}
    return {}


def _reference(card: MetricCard, folders: Sequence[Path] | None, ids: Sequence[str], dataset: str, pred: Images) -> Images | None:
    """Return the paired images: the ground truth, or the inputs; None for a metric without."""
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
    """Give the metric all clean faces that could be aligned. Raises: UserError for no such face."""
    if not files:
        raise UserError("Found 0 clean faces to compare with. Name a test set as the dataset's `reference` in the config.")
    for start in range(0, len(files), batch):
        metric.update_clean(np.stack([to_unit(read_rgb(path)) for path in files[start : start + batch]]))


def _failed_before(pred: Images, ref: Images | None) -> dict[str, str]:
    """Return the reason of every image that can't be read: the restorer's own, else the ground
    truth's.
    """
    lacking = {image_id: f"no ground truth: {reason}" for image_id, reason in ref.failures.items()} if ref else {}
    return lacking | pred.failures


def _measurable(ids: Sequence[str], pred: Images, ref: Images | None, failures: dict[str, str]) -> Iterator[Pair]:
    """Read the pairs one by one; add those that can't be measured to `failures`, with the reason."""
    for image_id in ids:
        restored = to_unit(read_rgb(pred.files[image_id]))
        truth = to_unit(read_rgb(ref.files[image_id])) if ref else None
        reason = problem(restored, truth)
        if reason is None:
            yield Pair(image_id, restored, truth)
        else:
            failures[image_id] = reason


def _batches(pairs: Iterable[Pair], size: int) -> Iterator[list[Pair]]:
    """Group the pairs into runs of at most `size` of one shape."""
    batch: list[Pair] = []
    for pair in pairs:
        if batch and (len(batch) == size or batch[0].pred.shape != pair.pred.shape):
            yield batch
            batch = []
        batch.append(pair)
    if batch:
        yield batch


def _of_set(metric: SetMetric, places: np.ndarray, indices: np.ndarray) -> tuple[Score, np.ndarray]:
    """Return the set's value and its replicates, (n_boot,).

    A failed image is left out of the resamples that draw it. A replicate is NaN when its resample
    has too few images for a value.

    Args:
        places: places of the measured images among the sorted ids, in the order of the updates.
        indices: (n_boot, n) places among all ids.
    """
    order = np.full(indices.shape[1], -1)
    order[places] = np.arange(len(places))
    value = metric.result()
    if math.isnan(value):
        return Score(math.nan, f"too few images: {len(places)} could be measured"), np.full(len(indices), math.nan)
    drawn = [row[row >= 0] for row in order[indices]]
    return Score(value), set_replicates(metric, drawn, len(places))


def set_replicates(metric: SetMetric, drawn: Iterable[np.ndarray], n: int) -> np.ndarray:
    """Return a set metric's value of each resample, (n_boot,).

    Args:
        drawn: the places, among the `n` images that the metric took, that each resample takes.
    """
    if isinstance(metric, ReplicatedMetric):
        return metric.replicates(np.array([np.bincount(row, minlength=n) for row in drawn], dtype=int).reshape(-1, n))
    return np.array([metric.result(row) for row in tqdm(drawn, desc="bootstrap", unit="resample", leave=False)])


def _row(image_id: str, score: Score) -> tuple[str, Any, str]:
    return image_id, "" if score.status != OK else score.value, score.status


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
