"""Measure recognition: a method's restored faces as probes against a gallery of clean photographs, and write the score file.

As clrface.metrics.measure does it for set metrics, but for the bootstrap: it draws people, each with all photographs, as probes and in the
gallery.
"""

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.spatial.distance import cdist

from clrface.api import Score
from clrface.errors import UserError
from clrface.images import read_rgb, to_unit
from clrface.manifest import natural
from clrface.metrics.measure import SET_ROW, gather, reasons, write_replicates, write_scores
from clrface.metrics.memory import Features
from clrface.metrics.pairs import Pair
from clrface.metrics.recognition import LEAST_PEOPLE, Comparison, Listed
from clrface.metrics.registry import metric_card
from clrface.tables.bootstrap import people_counts


class Gallery(NamedTuple):
    """What the probes are compared with: folders of aligned clean photographs, each photograph's person (the probes' too), and the pairs
    that verification asks about (None: all)."""

    folders: Sequence[Path]
    people: Mapping[str, str]
    pairs: Sequence[Pair] | None = None


class RecognitionMetric(Protocol):
    """`clrface/metrics/<id>.py` holds `CARD` and a class `Metric`, made from a comparison by its `embedder`'s network."""

    def result(self, people: np.ndarray) -> float:
        """The value when each of the k people comes `people` (k,) times; NaN where there is nothing to compare."""
        ...


def recognise(
    metric_id: str,
    pred_folders: Sequence[Path],
    gallery: Gallery,
    ids: Sequence[str],
    sources: Path,
    out: Path,
    base_seed: int,
    dataset: str,
    n_boot: int,
    cache: Path | None = None,
) -> None:
    """Write `out`, the metric's score file for the probes `ids`, and its replicates beside it.

    pred_folders: one folder a chunk, with `<image_id>.png` and a status file. The others are as `measure` takes them.

    Raises: UserError for an unknown metric, a photograph whose person isn't known, pictures that are missing or too many, and a list of
    pairs of which the test set has none.
    """
    kind = recognition_metric(metric_id)
    comparison, failures = compare_faces(pred_folders, gallery, ids, kind.embedder(sources, cache))
    failed = {image_id: Score(math.nan, reason) for image_id, reason in failures.items()}
    if comparison.n_people < LEAST_PEOPLE or len(failed) == len(ids):
        reason = (
            "no probe has a picture" if len(failed) == len(ids) else f"too few people: {comparison.n_people} of at least {LEAST_PEOPLE}"
        )
        write_replicates(out, np.full(n_boot, math.nan))
        write_scores(out, {SET_ROW: Score(math.nan, reason)} | failed)
        return
    metric: RecognitionMetric = kind(comparison)
    counts = people_counts(base_seed, dataset, n_boot, comparison.n_people)
    write_replicates(out, np.array([metric.result(row) for row in counts]))
    write_scores(out, {SET_ROW: Score(metric.result(np.ones(comparison.n_people, int)))} | failed)


def recognition_metric(metric_id: str) -> Any:
    """A metric's class. Raises: UserError for an unknown metric."""
    return import_module(f"clrface.metrics.{metric_card(metric_id).id}").Metric


def compare_faces(pred_folders: Sequence[Path], gallery: Gallery, ids: Sequence[str], embed: Features) -> tuple[Comparison, dict[str, str]]:
    """Every probe against every photograph of the gallery, and the reasons of the probes that have no picture.

    Similarity is the negative Euclidean distance of the embeddings. With a list of pairs, those who are to be identified choose from each
    person's first photograph. Raises: as `recognise`.
    """
    ids, people = sorted(ids, key=natural), gallery.people
    probes = gather(pred_folders, ids)
    clean = gather(gallery.folders, gallery_ids(gallery.folders))
    shown = sorted(clean.files, key=natural)
    unknown = [image_id for image_id in (*ids, *shown) if not people.get(image_id)]
    if unknown:
        raise UserError(
            f"Nobody says who is in '{unknown[0]}' ({len(unknown)} photographs in all). Recognition needs a manifest with identities: "
            "leave this test set out of the table."
        )
    names = sorted({people[image_id] for image_id in (*ids, *shown)}, key=natural)
    place = {name: index for index, name in enumerate(names)}
    of_probes, of_gallery = (np.array([place[people[one]] for one in group], int) for group in (ids, shown))
    there = [index for index, image_id in enumerate(ids) if image_id in probes.files]
    similarity = np.full((len(ids), len(shown)), -np.inf)
    if there and shown:
        left, right = (_embedded(embed, paths) for paths in ([probes.files[ids[i]] for i in there], [clean.files[one] for one in shown]))
        similarity[there] = -cdist(left, right)
    itself = np.array(ids)[:, None] == np.array(shown)[None, :]
    turns = _turns(of_gallery)
    if gallery.pairs is None:
        return Comparison(similarity, of_probes, of_gallery, turns, itself), probes.failures
    listed = _listed(gallery.pairs, ids, shown, similarity, of_probes)
    return Comparison(similarity, of_probes, of_gallery, np.where(turns == 0, 0, -1), itself, listed), probes.failures


def _listed(pairs: Sequence[Pair], ids: Sequence[str], shown: Sequence[str], similarity: np.ndarray, people: np.ndarray) -> Listed:
    """The pairs whose photographs are both among `ids`, either way about; one without a clean picture is as one without a restored."""
    rows, columns = ({image_id: place for place, image_id in enumerate(group)} for group in (ids, shown))
    both = [pair for pair in pairs if pair.first in rows and pair.second in rows]
    if not both:
        raise UserError(
            f"None of the {len(pairs):,} listed pairs has both photographs among the {len(ids):,} of the test set. "
            "Take the whole set: leave out its `images` in the config."
        )
    asked = [(probe, other, pair) for pair in both for probe, other in ((pair.first, pair.second), (pair.second, pair.first))]
    values = [similarity[rows[probe], columns[other]] if other in columns else -np.inf for probe, other, _ in asked]
    first, second = (np.array([people[rows[photograph]] for photograph in side]) for side in list(zip(*asked, strict=True))[:2])
    genuine, fold = (np.array([getattr(pair, name) for _, _, pair in asked]) for name in ("genuine", "fold"))
    return Listed.of(np.array(values), genuine, first, second, fold)


def gallery_ids(folders: Sequence[Path]) -> list[str]:
    """The photographs of a gallery by image_id: all that aligning left there."""
    there = [path.stem for folder in folders for path in folder.glob("*.png") if not path.name.startswith(".")]
    return there + [image_id for folder in folders for image_id in reasons(folder)]


def _embedded(embed: Features, paths: Sequence[Path]) -> np.ndarray:
    return np.concatenate([embed(to_unit(read_rgb(path))[None]) for path in paths])


def _turns(people: np.ndarray) -> np.ndarray:
    """0 for each person's first photograph, 1 for the second, ..."""
    seen: dict[int, int] = {}
    turns = []
    for person in people.tolist():
        turns.append(seen.get(person, 0))
        seen[person] = turns[-1] + 1
    return np.array(turns, int)
