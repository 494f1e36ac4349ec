"""Measure recognition of restored faces (probes) in a gallery of clean photographs; write the score
file.

It works as clrface.evaluation.measure does for set metrics, except for the bootstrap. That draws
people, each with all photographs, as probes and in the gallery.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from scipy.spatial.distance import cdist

from clrface.api import Score
from clrface.errors import UserError
from clrface.evaluation.measure import SET_ROW, gather, reasons, write_replicates, write_scores
from clrface.images import read_rgb, to_unit
from clrface.manifest import natural
from clrface.metrics.networks.memory import Features
from clrface.metrics.registry import code_of, metric_class, network
from clrface.metrics.verification import LEAST_PEOPLE, Comparison, Listed
from clrface.pairs import Pair
from clrface.stats.bootstrap import Resampling, people_counts


class Gallery(NamedTuple):
    """What the probes are compared with.

    Folders of aligned clean photographs, the person of each photograph and probe, and the pairs
    that verification uses (None: all).
    """

    folders: Sequence[Path]
    people: Mapping[str, str]
    pairs: Sequence[Pair] | None = None


class RecognitionMetric(Protocol):
    """A metric against a gallery, made from a comparison by the embeddings of its card's network."""

    def result(self, people: np.ndarray) -> float:
        """Return the value; NaN where there is nothing to compare.

        Args:
            people: (k,) how many times each person is drawn.
        """
        ...


def recognise(
    metric_id: str,
    pred_folders: Sequence[Path],
    gallery: Gallery,
    ids: Sequence[str],
    sources: Path,
    out: Path,
    resampling: Resampling,
    cache: Path | None = None,
) -> None:
    """Write a metric's score file for the probes `ids`, and its replicates beside it.

    Args:
        pred_folders: one folder a chunk, with `<image_id>.png` and a status file.
        metric_id, ids, sources, out, resampling, cache: see `clrface.evaluation.measure.measure`.

    Raises: UserError for an unknown metric, a photograph of an unknown person, missing or extra
    images, and listed pairs that the test set lacks.
    """
    comparison, failures = compare_faces(pred_folders, gallery, ids, embedder(metric_id, sources, cache))
    failed = {image_id: Score(math.nan, reason) for image_id, reason in failures.items()}
    if comparison.n_people < LEAST_PEOPLE or len(failed) == len(ids):
        reason = "no probe has an image" if len(failed) == len(ids) else f"too few people: {comparison.n_people} of at least {LEAST_PEOPLE}"
        write_replicates(out, np.full(resampling.n_boot, math.nan))
        write_scores(out, {SET_ROW: Score(math.nan, reason)} | failed)
        return
    metric = recognition_metric(metric_id, comparison)
    counts = people_counts(*resampling, comparison.n_people)
    write_replicates(out, np.array([metric.result(row) for row in counts]))
    write_scores(out, {SET_ROW: Score(metric.result(np.ones(comparison.n_people, int)))} | failed)


def recognition_metric(metric_id: str, comparison: Comparison) -> RecognitionMetric:
    """Make a metric of a comparison. Raises: UserError for an unknown metric."""
    return metric_class(metric_id)(comparison, **code_of(metric_id).params)


def embedder(metric_id: str, sources: Path, cache: Path | None = None) -> Features:
    """Load the embeddings that a metric compares.

    Raises: UserError for an unknown metric, and for missing weights.
    """
    return network(code_of(metric_id).network).features(sources, cache)


def compare_faces(pred_folders: Sequence[Path], gallery: Gallery, ids: Sequence[str], embed: Features) -> tuple[Comparison, dict[str, str]]:
    """Compare every probe with every photograph of the gallery; return the reasons of probes
    without image, too.

    Similarity is the negative Euclidean distance of the embeddings. With a list of pairs,
    identification uses each person's first photograph. Raises: UserError, as `recognise`.
    """
    ids, people = sorted(ids, key=natural), gallery.people
    probes = gather(pred_folders, ids)
    clean = gather(gallery.folders, gallery_ids(gallery.folders))
    shown = sorted(clean.files, key=natural)
    unknown = [image_id for image_id in (*ids, *shown) if not people.get(image_id)]
    if unknown:
        raise UserError(
            f"The person in '{unknown[0]}' is unknown ({len(unknown)} photographs in all). Recognition needs a manifest with identities: "
            "leave this test set out of the table."
        )
    names = sorted({people[image_id] for image_id in (*ids, *shown)}, key=natural)
    place = {name: index for index, name in enumerate(names)}
    of_probes, of_gallery = (np.array([place[people[one]] for one in group], int) for group in (ids, shown))
    turns = _turns(of_gallery)
    probe_vectors, clean_vectors = _embedded(embed, probes.files, ids), _embedded(embed, clean.files, shown)
    if gallery.pairs is None:
        similarity, itself = _alike(probe_vectors, clean_vectors), np.array(ids)[:, None] == np.array(shown)[None, :]
        return Comparison(similarity, of_probes, of_gallery, turns, itself), probes.failures
    listed = _listed(gallery.pairs, ids, shown, of_probes, (probe_vectors, clean_vectors))
    firsts = np.flatnonzero(turns == 0)
    similarity, itself = _alike(probe_vectors, clean_vectors[firsts]), np.array(ids)[:, None] == np.array(shown)[None, firsts]
    return Comparison(similarity, of_probes, of_gallery[firsts], turns[firsts], itself, listed), probes.failures


def _listed(
    pairs: Sequence[Pair], ids: Sequence[str], shown: Sequence[str], people: np.ndarray, vectors: tuple[np.ndarray, np.ndarray]
) -> Listed:
    """The pairs, either way about. vectors: of the probes `ids` and of the clean photographs
    `shown`.

    A pair without one of its two images has no similarity. Raises: UserError for a pair of
    photographs that the test set lacks.
    """
    rows, columns = ({image_id: place for place, image_id in enumerate(group)} for group in (ids, shown))
    lacking = [pair for pair in pairs if not {pair.first, pair.second} <= rows.keys()]
    if lacking:
        raise UserError(
            f"The test set of {len(ids):,} lacks a photograph of {len(lacking):,} of the {len(pairs):,} listed pairs: "
            f"{lacking[0].first} or {lacking[0].second}, among others. Take the whole set: leave out its `images` in the config."
        )
    asked = [(probe, other, pair) for pair in pairs for probe, other in ((pair.first, pair.second), (pair.second, pair.first))]
    probes, others = [probe for probe, _, _ in asked], [other for _, other, _ in asked]
    similarity = np.full(len(asked), -np.inf)
    there = [place for place, other in enumerate(others) if other in columns]
    left, right = vectors[0][[rows[probes[place]] for place in there]], vectors[1][[columns[others[place]] for place in there]]
    if there and left.shape == right.shape:
        similarity[there] = -np.linalg.norm(left - right, axis=1)
    first, second = (np.array([people[rows[image_id]] for image_id in side]) for side in (probes, others))
    genuine, fold = (np.array([getattr(pair, name) for _, _, pair in asked]) for name in ("genuine", "fold"))
    return Listed.of(np.where(np.isnan(similarity), -np.inf, similarity), genuine, first, second, fold)


def gallery_ids(folders: Sequence[Path]) -> list[str]:
    """Return the image_ids of a gallery: all photographs that could be aligned."""
    there = [path.stem for folder in folders for path in folder.glob("*.png") if not path.name.startswith(".")]
    return there + [image_id for folder in folders for image_id in reasons(folder)]


def _embedded(embed: Features, files: Mapping[str, Path], ids: Sequence[str]) -> np.ndarray:
    """Return embeddings, (n, d), of the images `ids`; NaN for a missing image, and no columns
    without any.
    """
    found = {image_id: embed(to_unit(read_rgb(files[image_id]))[None])[0] for image_id in ids if image_id in files}
    vectors = np.full((len(ids), len(next(iter(found.values()), ()))), np.nan)
    for place, image_id in enumerate(ids):
        if image_id in found:
            vectors[place] = found[image_id]
    return vectors


def _alike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return similarities, (p, g): the negative distances of (p, d) and (g, d); -inf where one is
    missing.
    """
    if left.shape[1] != right.shape[1]:
        return np.full((len(left), len(right)), -np.inf)
    distances = cdist(left, right)
    distances[np.isnan(distances)] = np.inf
    return np.negative(distances, out=distances)


def _turns(people: np.ndarray) -> np.ndarray:
    """Number each person's photographs: 0 for the first, 1 for the second, ..."""
    seen: dict[int, int] = {}
    turns = []
    for person in people.tolist():
        turns.append(seen.get(person, 0))
        seen[person] = turns[-1] + 1
    return np.array(turns, int)
