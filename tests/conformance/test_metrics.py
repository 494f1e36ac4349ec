"""Every metric found keeps the contract that its card states: range, direction, perfect value, order and batches, failures kept.

Those of installed packages too. Weights that the package index has not are random, in the official layout.
"""

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from clrface.api import ImageMetric, ReplicatedMetric
from clrface.catalogue import SOURCES
from clrface.errors import UserError
from clrface.images import to_unit
from clrface.metrics.registry import code_of, load_metric, metric_card, metric_cards, metric_class
from clrface.metrics.verification import Comparison
from clrface.seeds import generator
from tests.unit import official_weights, quality_weights

CARDS = metric_cards()
GALLERY = [name for name, card in CARDS.items() if card.against == "gallery"]
MEASURED = [name for name in CARDS if name not in GALLERY]
IMAGE = [name for name in MEASURED if CARDS[name].level == "image"]
COMPARING = [name for name in MEASURED if CARDS[name].needs_reference]
LARGE = ("niqe_official", "niqe_yiq")
"""They need two whole blocks of 96 pixels."""
N = 6
EXTRAS = {
    "pyiqa_networks": ("pyiqa", "clip"),
    "insightface_faces": ("insightface", "onnxruntime"),
    "face_alignment_points": ("face_alignment", "numba"),
}
"""Packages that the lock doesn't have, by the network that needs them."""
TOO_SLOW = {
    "maniqa": "MANIQA takes a minute and a half an image on one core: tests/runs/test_ntire.py",
    "qalign": "Q-Align has 16 GB of weights",
}


@pytest.fixture(scope="module")
def everything(official: Path, sources: Path) -> Path:
    """Every source that a metric reads: the index's own, and random weights for the others."""
    for source in sources.iterdir():
        if not (official / source.name).exists():
            (official / source.name).symlink_to(source)
    if installed("clipiqa"):
        quality_weights.musiq_file(official / "musiq_koniq" / "musiq_koniq_ckpt-e95806b9.pth")
        quality_weights.clip_file(official / "clip_rn50" / "RN50.pt")
    if installed("lmd_face_alignment"):
        official_weights.fan68(official / "face_alignment" / "2DFAN4-11f355bf06.pth")
    return official


@pytest.fixture(scope="module")
def faces(orl_faces: dict[str, np.ndarray]) -> np.ndarray:
    """(6, 64, 64, 3) uint8."""
    return np.stack(list(orl_faces.values())[:N])


def pairs(name: str, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The faces made coarse, and the faces, (n, 3, H, W) each, as many and as large as the metric needs them."""
    if CARDS[name].level == "image":
        faces = faces[:3]
    if name in LARGE:
        faces = np.tile(faces, (1, 3, 3, 1))
    n, height, width, _ = faces.shape
    small = np.rint(faces.reshape(n, height // 4, 4, width // 4, 4, 3).mean((2, 4))).astype(np.uint8)
    noise = generator(0, "test conformance").normal(0, 8, faces.shape)
    coarse = np.clip(small.repeat(4, 1).repeat(4, 2) + noise, 0, 255).astype(np.uint8)
    return to_unit(coarse), to_unit(faces)


def measured(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray, batch: int = 16) -> list[float]:
    """An image metric's values, NaN where its definition drops an image; or a set metric's single one."""
    metric = load_metric(name, sources)
    if CARDS[name].against == "clean":
        metric.update_clean(ref)  # pyright: ignore[reportAttributeAccessIssue]
    for start in range(0, len(pred), batch):
        metric.update(pred[start : start + batch], ref[start : start + batch] if CARDS[name].needs_reference else None)
    found = metric.result()
    if isinstance(found, int | float):
        return [found]
    assert {score.status.split(":")[0] for score in found} <= {"ok", "dropped"}, name
    return [score.value for score in found]


def installed(name: str) -> bool:
    """Whether the packages are there that an extra brings."""
    return all(find_spec(package) for package in EXTRAS.get(code_of(name).network, ()))


def skip_what_cannot_run(name: str) -> None:
    """Extras aren't in the lock."""
    if name in TOO_SLOW:
        pytest.skip(TOO_SLOW[name])
    if not installed(name):
        pytest.skip(f"not installed: {', '.join(EXTRAS[code_of(name).network])}")


def within(name: str, values: list[float]) -> bool:
    code = code_of(name)
    lowest, highest = (-math.inf if code.lowest is None else code.lowest), (math.inf if code.highest is None else code.highest)
    return all(math.isnan(value) or lowest <= value <= highest for value in values)


@pytest.mark.parametrize("name", [name for name in COMPARING if code_of(name).perfect is not None])
def test_the_ground_truth_scores_the_card_s_perfect_value(name: str, everything: Path, faces: np.ndarray) -> None:
    skip_what_cannot_run(name)
    _, ref = pairs(name, faces)
    found = measured(name, everything, ref.copy(), ref)
    assert found == pytest.approx([code_of(name).perfect] * len(found), abs=1e-6)
    assert within(name, found)


@pytest.mark.parametrize("name", COMPARING)
def test_a_coarse_face_scores_worse_in_the_card_s_direction(name: str, everything: Path, faces: np.ndarray) -> None:
    skip_what_cannot_run(name)
    pred, ref = pairs(name, faces)
    best = code_of(name).perfect
    best = measured(name, everything, ref, ref)[0] if best is None else best
    if math.isnan(best):  # a definition that drops equal images
        best = 0.0
    sign = 1 if CARDS[name].direction == "higher" else -1
    found = measured(name, everything, pred, ref)
    assert all(sign * value < sign * best for value in found if not math.isnan(value))
    assert within(name, found)


@pytest.mark.parametrize("name", MEASURED)
def test_batches_and_order_do_not_matter(name: str, everything: Path, faces: np.ndarray) -> None:
    skip_what_cannot_run(name)
    pred, ref = pairs(name, faces)
    whole = measured(name, everything, pred, ref)
    assert within(name, whole)
    assert measured(name, everything, pred, ref, batch=2) == pytest.approx(whole, rel=1e-4, nan_ok=True)
    turned = measured(name, everything, pred[::-1].copy(), ref[::-1].copy())
    assert turned[::-1] == pytest.approx(whole, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("name", [name for name in MEASURED if CARDS[name].level == "set"])
def test_resamples_at_once_are_each_resamples_value(name: str, everything: Path, faces: np.ndarray) -> None:
    pred, ref = pairs(name, faces)
    metric = load_metric(name, everything)
    if CARDS[name].against == "clean":
        metric.update_clean(ref)  # pyright: ignore[reportAttributeAccessIssue]
    metric.update(pred, ref if CARDS[name].needs_reference else None)
    assert isinstance(metric, ReplicatedMetric)
    drawn = generator(0, "test resamples").integers(0, len(pred), (3, len(pred)))
    counts = np.stack([np.bincount(row, minlength=len(pred)) for row in drawn])
    assert metric.replicates(counts) == pytest.approx([metric.result(row) for row in drawn], rel=1e-9)


@pytest.mark.parametrize("name", IMAGE)
def test_a_bad_image_is_reported_and_the_others_are_measured(name: str, everything: Path, faces: np.ndarray) -> None:
    skip_what_cannot_run(name)
    pred, ref = pairs(name, faces)
    pred[1, 2, 10, 10] = np.inf
    metric = load_metric(name, everything)
    assert isinstance(metric, ImageMetric)
    metric.update(pred, ref)
    scores = metric.result()
    assert ["not finite" in score.status for score in scores] == [False, True, False]
    assert math.isnan(scores[1].value)


@pytest.mark.parametrize("name", [name for name in MEASURED if CARDS[name].assets])
def test_missing_weights_are_named(name: str, tmp_path: Path) -> None:
    wanted = "|".join(CARDS[name].assets)
    with pytest.raises(UserError, match=f"No weights at .*({wanted}).*python -m clrface fetch ({wanted})"):
        load_metric(name, tmp_path)


@pytest.mark.parametrize("name", GALLERY)
def test_a_gallery_metric_knows_strangers_from_acquaintances(name: str) -> None:
    """Right answers everywhere give the perfect value; wrong ones a worse one; order doesn't matter."""
    people = np.repeat(np.arange(6), 3)
    genuine = people[:, None] == people[None]

    def value(similarity: np.ndarray, places: np.ndarray) -> float:
        turns = np.tile(np.arange(3), 6)
        comparison = Comparison(similarity[places][:, places], people[places], people[places], turns[places], np.eye(18, dtype=bool))
        return metric_class(name)(comparison, **code_of(name).params).result(np.ones(6, int))

    code, there = code_of(name), np.arange(18)
    sign = 1 if CARDS[name].direction == "higher" else -1
    noise = generator(0, "test gallery").normal(0, 1, (18, 18))
    assert value(genuine.astype(float), there) == code.perfect
    poor = value(genuine + noise, there)
    assert within(name, [poor]) and code.perfect is not None and sign * poor < sign * code.perfect
    assert value(genuine + noise, there[::-1]) == pytest.approx(poor, abs=25 if name.startswith("rank1") else 1e-9)


def test_cards_name_sources_that_exist() -> None:
    known = yaml.safe_load(SOURCES.read_text())
    for name, card in CARDS.items():
        assert card.id == name
        assert card.citation.strip() and card.definition.strip() and card.label.strip()
        assert set(card.assets) <= set(known)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"Unknown metric 'psnrr'. Did you mean 'psnr'\? Available: accuracy_arcface_r50, accuracy_dlib"):
        metric_card("psnrr")
