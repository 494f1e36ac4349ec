"""What the demo computes: a photograph through a degradation and several methods, and its metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from clrface.align.geometry import apply, fit_similarity, template
from clrface.api import OK, ImageMetric
from clrface.catalogue import GENERATED, SOURCES
from clrface.errors import UserError
from clrface.fetch.install import is_fetched
from clrface.fetch.sources import load_sources
from clrface.images import to_unit
from clrface.metrics.registry import load_metric, metric_card
from clrface.paths import raw, root
from clrface.photo.detect import FindsFaces, FoundFace
from clrface.photo.files import Photo
from clrface.photo.paste import cut
from clrface.photo.restorer import Frame, PhotoRestorer
from clrface.public import degrade
from clrface.ready import Ready

METRICS = ("psnr", "ssim", "stlpips_alex", "lpips_vgg", "idd_dlib", "ids_arcface_r50")
"""Shown where their networks are fetched, and made for faces aligned as the trial's are."""
SAMPLES = 8
INPUT = "Input"
NAME = "demo"
"""Seeds the noise: the same photograph and seed give the same result."""


@dataclass(frozen=True)
class Trial:
    """One photograph, before and after."""

    before: np.ndarray
    """(H, W, 3) uint8 RGB: what the methods were given."""
    after: dict[str, np.ndarray]
    """Each method's result by its name, of the same shape."""
    truth: np.ndarray | None
    """The face before it was degraded; None where nothing was."""
    scores: dict[str, dict[str, float]]
    """Each metric's value by its id, for `INPUT` and each method by name; empty without `truth`."""
    faces: dict[str, list[str]]
    """By the method's name: for each face found, `ok`, or why the face was kept as it was."""
    enlarged: dict[str, int]
    """Methods whose faces are smaller than the trial's, by name, with their size: their results are
    enlarged before they are measured."""


@dataclass(frozen=True)
class _Known:
    """Stands for a detector where the face's place is known: in a degraded face it may not be found."""

    face: FoundFace

    def find(self, rgb: np.ndarray) -> list[FoundFace]:
        return [self.face]


def run_trial(photo: Photo, degradation: str, methods: Sequence[Ready], detector: FindsFaces, seed: int, force: bool = False) -> Trial:
    """Restore a photograph by each method.

    Args:
        degradation: of clrface/catalogue/degradations.yaml: the largest face is cut out, degraded and
            restored. Empty: every face of the photograph is restored.
        methods: at least one, of different names.
        force: without a degradation, restore faces that are finer than a method's size too.

    Raises: UserError for no method, a photograph without a face, and a degradation of finished images.
    """
    if not methods:
        raise UserError("Found no method chosen, expected at least one. Tick one.")
    faces = detector.find(photo.eight_bits)
    if not faces:
        raise UserError("Found no face in the photograph, expected at least one. Take another photograph, or a larger copy of it.")
    if not degradation:
        results = {one.card.name: _restorer(one, detector, seed, force).restore(photo, NAME) for one in methods}
        after = {name: result.photo.eight_bits for name, result in results.items()}
        status = {name: [face.status for face in result.faces] for name, result in results.items()}
        return Trial(photo.eight_bits, after, None, {}, status, {})
    frame = _trial_frame(methods)
    face = max(faces, key=lambda found: found.box[2] * found.box[3])
    matrix = fit_similarity(face.points, template(frame.size, frame.template))
    truth = np.rint(np.clip(cut(photo.eight_bits, matrix, frame.size), 0, 1) * 255).astype(np.uint8)
    degraded = degrade(truth, degradation, seed=seed)
    known = _Known(FoundFace(apply(matrix, face.points), (0.0, 0.0, float(frame.size), float(frame.size)), 1.0))
    after = {one.card.name: _restore_face(one, frame, degraded, known, seed) for one in methods}
    scores = measure({INPUT: degraded, **after}, truth, frame)
    enlarged = {one.card.name: one.size for one in methods if not _takes_any_size(one) and one.size < frame.size}
    return Trial(degraded, after, truth, scores, {name: [OK] for name in after}, enlarged)


def measure(images: Mapping[str, np.ndarray], truth: np.ndarray, frame: Frame) -> dict[str, dict[str, float]]:
    """Measure images by each metric of `METRICS` whose networks are fetched.

    Args:
        images: (S, S, 3) uint8 RGB each, by name.
        truth: the ground truth of all of them.

    Returns: each image's values, by the metric's id.
    """
    pred, ref = np.stack([to_unit(one) for one in images.values()]), np.stack([to_unit(truth)] * len(images))
    values: dict[str, dict[str, float]] = {name: {} for name in images}
    for metric_id in _measurable(frame):
        metric = cast(ImageMetric, load_metric(metric_id, raw()))
        metric.update(pred, ref)
        for name, score in zip(images, metric.result(), strict=True):
            values[name][metric_id] = score.value
    return values


def _measurable(frame: Frame) -> list[str]:
    known = load_sources(SOURCES, root())
    cards = [metric_card(name) for name in METRICS]
    return [
        card.id for card in cards if card.template in ("", frame.template) and all(is_fetched(known[asset], raw()) for asset in card.assets)
    ]


def _restore_face(one: Ready, frame: Frame, degraded: np.ndarray, known: _Known, seed: int) -> np.ndarray:
    """Restore an aligned face, which a method of another size or template cuts out again."""
    if _takes_any_size(one) or _frame(one) == frame:
        one = replace(one, size=frame.size, template=frame.template)
        return _restorer(one, known, seed).restore_aligned(Photo(degraded), NAME).photo.eight_bits
    return _restorer(one, known, seed).restore(Photo(degraded), NAME).photo.eight_bits


def _frame(one: Ready) -> Frame:
    return Frame(one.size, one.template)


def _trial_frame(methods: Sequence[Ready]) -> Frame:
    """The largest that a method was made for. Methods that take any size, such as filters, have no say where another has."""
    bound = [one for one in methods if not _takes_any_size(one)] or methods
    return max((_frame(one) for one in bound), key=lambda found: found.size)


def _takes_any_size(one: Ready) -> bool:
    return not (one.card.resolution or one.card.trained_here)


def _restorer(one: Ready, detector: FindsFaces, seed: int, force: bool = True) -> PhotoRestorer:
    return PhotoRestorer(one.method, _frame(one), detector, seed, force=force)


def samples() -> list[Path]:
    """Faces to try it on: generated ones that the package brings."""
    return sorted(GENERATED.glob("*.png"))[:SAMPLES]
