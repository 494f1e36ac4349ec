"""A sweep: CLR-Face over a grid of settings, with the quality and cost of each point, in one
process.

A table's rows are jobs of their own; a hundred settings would spend their time on starting Python.
The images equal those of a table's row with the same settings: same seeds, same rounding to 8 bits.
A stopped sweep resumes with the next point.
"""

import csv
import hashlib
import io
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from tqdm import tqdm

from clrface.api import ImageMetric, SetMetric
from clrface.evaluation.measure import set_replicates
from clrface.files import read_lines, write_text
from clrface.images import read_rgb, to_bytes, to_unit
from clrface.metrics.registry import load_metric, metric_card
from clrface.models.recogniser import SFace
from clrface.restoration.pipeline import GROUP, CLRFace, Settings
from clrface.restoration.sampler import Sampler
from clrface.seeds import derive_seed
from clrface.stats.bootstrap import Estimate, bootstrap_indices, mean_interval, mean_over_seeds, set_interval, without_perfect
from clrface.weights import digest

BATCH = 16


@dataclass(frozen=True)
class Faces:
    """The pairs that a sweep runs on: ground truth and degraded faces, (N, 3, H, W) float32 RGB in
    [0, 1] each, and the ids that determine seeds and pairing.
    """

    dataset: str
    ids: Sequence[str]
    truth: np.ndarray
    degraded: np.ndarray

    @classmethod
    def read(cls, dataset: str, ids: Sequence[str], aligned: Sequence[Path], degraded: Sequence[Path]) -> "Faces":
        """Read the faces `ids`, sorted, from the chunks' folders.

        Raises: UserError for an image that can't be read; KeyError for an id without an image.
        """
        truth, lq = ({path.stem: path for folder in folders for path in folder.glob("*.png")} for folders in (aligned, degraded))
        ids = sorted(ids)
        return cls(dataset, ids, *(to_unit(np.stack([read_rgb(side[image_id]) for image_id in ids])) for side in (truth, lq)))


@dataclass(frozen=True)
class Sweep:
    """What is varied and measured. Settings are fields of clrface.restoration.pipeline.Settings."""

    grid: Mapping[str, Sequence[Any]]
    """The values of each setting that is varied, in the order of the columns."""
    base: Mapping[str, Any]
    """The values of other settings; the rest have their defaults."""
    metrics: Sequence[str]
    """Ids of metrics; each compares with the ground truth, or needs no reference."""
    seeds: Sequence[int]
    """Each point is restored once for each; values are means over them."""
    base_seed: int
    n_boot: int
    """Bootstrap resamples."""
    code: str = ""
    """A checksum of the code that a point depends on: after an edit, a sweep starts again."""

    def settings(self, point: Mapping[str, Any]) -> Settings:
        """Return all settings of a point: the grid's values over the base's."""
        return Settings(**{**self.base, **point})

    def points(self) -> list[dict[str, Any]]:
        """Return every combination of the grid's values, the last key varying fastest."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]


def run_sweep(sweep: Sweep, faces: Faces, weights: Path, sources: Path, device: str, out: Path, cache: Path | None = None) -> None:
    """Write `out` (csv): a row a point.

    Its columns are the settings; `t_start`, the share of the schedule that is run (t0 to the
    nearest step); `evaluations` of the prior's network; `seconds` an image, the median over batches
    (CPU time on a CPU, wall time elsewhere); `n` images; and for each metric m the columns m, m_lo,
    m_hi (95 % bootstrap over images), in the metric's unit.

    Args:
        weights: CLR-Face's folder, and `sources` that of the fetched sources.
        cache: a folder for networks' features (clrface.metrics.networks.memory), since all points
            share a ground truth.

    Raises: UserError for weights or sources that are missing, and for settings that the sampler
    refuses, before any restoration.
    """
    done_file = out.with_name(out.name + ".points.jsonl")
    key = _key(sweep, faces, weights)
    points = sweep.points()
    latents = {sweep.settings(point).latents for point in points}
    pipelines = {name: CLRFace.from_pretrained(weights, name).to(device) for name in sorted(latents)}
    recogniser = next(iter(pipelines.values())).make_recogniser(sources).to(device)
    for point in points:
        Sampler(pipelines[sweep.settings(point).latents].prior, sweep.settings(point))
    done = _read_done(done_file, key)
    for point in tqdm(points, desc=f"sweep {out.stem}", unit="point"):
        name = json.dumps(point, sort_keys=True)
        if name not in done:
            pipeline = pipelines[sweep.settings(point).latents]
            done[name] = _measure(sweep, point, faces, pipeline, recogniser, sources, device, cache)
            out.parent.mkdir(parents=True, exist_ok=True)
            with done_file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"key": key, "point": name, "row": done[name]}) + "\n")
    rows = [point | done[json.dumps(point, sort_keys=True)] for point in points]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out, text.getvalue())
    done_file.unlink(missing_ok=True)


def _key(sweep: Sweep, faces: Faces, weights: Path) -> str:
    """A checksum of what a point's values come from besides the point."""
    told = [dict(sweep.base), list(sweep.metrics), list(sweep.seeds), sweep.base_seed, sweep.n_boot, sweep.code, digest(weights)]
    told.append(list(faces.ids))
    pixels = faces.truth.tobytes() + faces.degraded.tobytes()
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode() + hashlib.sha256(pixels).digest()).hexdigest()


def _read_done(path: Path, key: str) -> dict[str, dict[str, Any]]:
    """The points of this very sweep that an earlier run finished; the file keeps those alone."""
    mine = [entry for entry in read_lines(path) if entry.get("key") == key]
    if path.is_file():
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in mine))
    return {entry["point"]: entry["row"] for entry in mine}


def _measure(
    sweep: Sweep,
    point: Mapping[str, Any],
    faces: Faces,
    pipeline: CLRFace,
    recogniser: SFace,
    sources: Path,
    device: str,
    cache: Path | None,
) -> dict[str, Any]:
    """One point's columns."""
    settings = sweep.settings(point)
    runs = []
    for seed in sweep.seeds:
        seeds = [derive_seed(sweep.base_seed, f"restore {seed}", faces.dataset, image_id) for image_id in faces.ids]
        runs += [_restore(faces.degraded[part], seeds[part], settings, pipeline, recogniser, device) for part in _batches(len(faces.ids))]
    restored = np.concatenate([run.images for run in runs]).reshape(len(sweep.seeds), *faces.truth.shape)
    seconds = float(np.median([run.seconds for run in runs]))
    row: dict[str, Any] = {"t_start": round(settings.steps / settings.total_steps, 4)}
    row |= {"evaluations": runs[0].evaluations, "seconds": round(seconds, 5), "n": len(faces.ids)}
    indices = bootstrap_indices(sweep.base_seed, faces.dataset, sweep.n_boot, len(faces.ids))
    for metric in sweep.metrics:
        value = _score(metric, restored, faces.truth, sources, indices, cache)
        row |= {metric: value.value, f"{metric}_lo": value.low, f"{metric}_hi": value.high}
    return row


class Restored(NamedTuple):
    """A batch, (B, 3, H, W) float32 in [0, 1] rounded to 8 bits, and its cost: evaluations of the
    prior, seconds an image.
    """

    images: np.ndarray
    evaluations: int
    seconds: float


def _restore(lq: np.ndarray, seeds: list[int], settings: Settings, pipeline: CLRFace, recogniser: SFace, device: str) -> Restored:
    calls: list[None] = []
    hook = pipeline.prior.register_forward_hook(lambda *_: calls.append(None))
    clock = time.process_time if device == "cpu" else time.perf_counter  # neighbours on a busy CPU cost no processor time
    started = clock()
    images = pipeline.restore(torch.from_numpy(lq).to(device), seeds, settings, recogniser).cpu()
    seconds = (clock() - started) / len(images)
    hook.remove()
    return Restored(to_unit(to_bytes(images.numpy())), len(calls) // math.ceil(len(images) / GROUP), seconds)


def _batches(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def _score(metric_id: str, by_seed: np.ndarray, truth: np.ndarray, sources: Path, indices: np.ndarray, cache: Path | None) -> Estimate:
    """A metric over the seeds, (S, N, 3, H, W), as the tables compute it."""
    measured = []
    for restored in by_seed:
        metric = load_metric(metric_id, sources, cache)
        for part in _batches(len(truth)):
            metric.update(restored[part], truth[part])
        measured.append(metric)
    if metric_card(metric_id).level == "image":
        values = [[score.value for score in cast(ImageMetric, metric).result()] for metric in measured]
        return mean_interval(without_perfect(mean_over_seeds(np.array(values))), indices)
    sets = [cast(SetMetric, metric) for metric in measured]
    replicates = [set_replicates(metric, indices, len(truth)) for metric in sets]
    return set_interval(float(np.mean([metric.result() for metric in sets])), mean_over_seeds(np.array(replicates)))
