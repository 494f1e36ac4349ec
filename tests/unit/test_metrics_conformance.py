"""Every metric keeps the contract: controls, batches, order, known values on a real face."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import read_rgb, to_unit
from clrface.metrics.registry import load_metric, metric_card, metric_cards
from tests.conftest import SOURCES

ALL = metric_cards()
GALLERY = {name for name, card in ALL.items() if card.against == "gallery"}
LARGE = ("niqe_official", "niqe_yiq")
CARDS = {name: card for name, card in ALL.items() if card.against != "gallery" and set(card.sources) <= set(SOURCES) and name not in LARGE}
"""Those of recognition compare with a gallery (test_recognition.py); what needs large images, or weights that the package index has not, is
in test_official_metrics.py and test_protocols.py."""
EMBEDDED = ["psnr", "ssim", "stlpips_alex", "fd_effnet", "kd_effnet", "ids_dlib", "idd_dlib", "lmd_dlib", "niqe"]
IMAGE = [name for name in CARDS if CARDS[name].level == "image"]
COMPARING = [name for name in CARDS if CARDS[name].needs_reference]
BEST = {
    "psnr": math.inf,
    "ssim": 1,
    "stlpips_alex": 0,
    "fd_effnet": 0,
    "kd_effnet": 0,
    "ids_dlib": 1,
    "idd_dlib": 0,
    "lmd_dlib": 0,
    "ids_sface": 1,
    "idd_dlib_input": 0,
    "psnr_corrected": math.inf,
    "ssim_corrected": 1,
    "psnr_eps": 80,
    "ssim_cut": 1,
    "psnr_full_count": math.inf,
    "ssim_full_count": 1,
}
"""What the ground truth scores against itself."""
GOLDEN = {
    "psnr": 24.91326,
    "ssim": 0.722503,
    "stlpips_alex": 0.181632,
    "ids_dlib": 0.963997,
    "idd_dlib": 0.394330,
    "lmd_dlib": 1.31613,
    "ids_sface": 0.608689,
    "niqe": 20.4705,
}
"""On `raw_face`, made coarse. stlpips_alex and psnr were checked against other software, which gives the same."""


def coarse(face: np.ndarray) -> np.ndarray:
    """The face at a quarter of its size, each pixel repeated."""
    height, width, _ = face.shape
    small = np.rint(face.reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3))).astype(np.uint8)
    return small.repeat(4, 0).repeat(4, 1)


@pytest.fixture(scope="module")
def raw_face(sources: Path) -> np.ndarray:
    """A photograph that no step of this project has touched but to crop it, (92, 92, 3)."""
    return read_rgb(sources / "orl" / "s1" / "1.pgm")[12:104]


@pytest.fixture(scope="module")
def pairs(orl_faces: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Six faces made coarse, and the faces, (6, 3, 64, 64) each."""
    faces = list(orl_faces.values())[:6]
    return to_unit(np.stack([coarse(face) for face in faces])), to_unit(np.stack(faces))


def measured(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray, batch: int = 16) -> list[float]:
    """An image metric's values, or a set metric's single one."""
    metric = load_metric(name, sources)
    if CARDS[name].against == "clean":
        metric.update_clean(ref)  # pyright: ignore[reportAttributeAccessIssue]
    for start in range(0, len(pred), batch):
        metric.update(pred[start : start + batch], ref[start : start + batch])
    found = metric.result()
    if isinstance(found, float):
        return [found]
    assert {score.status for score in found} == {"ok"}
    return [score.value for score in found]


@pytest.mark.parametrize("name", COMPARING)
def test_the_ground_truth_scores_the_best_there_is(name: str, sources: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    _, ref = pairs
    expected = BEST[name]
    found = measured(name, sources, ref.copy(), ref)
    if name.endswith("_corrected"):  # in single precision: what is corrected by nothing is off by a rounding
        assert min(found) > (100 if name == "psnr_corrected" else 1 - 1e-6)
        return
    assert found == pytest.approx([expected] * len(found), abs=1e-6 if CARDS[name].level == "set" else 0)


@pytest.mark.parametrize("name", COMPARING)
def test_a_coarse_face_scores_worse(name: str, sources: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    pred, ref = pairs
    sign = 1 if CARDS[name].direction == "higher" else -1
    assert all(sign * value < sign * BEST[name] for value in measured(name, sources, pred, ref))


@pytest.mark.parametrize("name", CARDS)
def test_batches_and_order_do_not_matter(name: str, sources: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    pred, ref = pairs
    whole = measured(name, sources, pred, ref)
    assert measured(name, sources, pred, ref, batch=4) == pytest.approx(whole, rel=1e-4)
    turned = measured(name, sources, pred[::-1].copy(), ref[::-1].copy())
    assert turned[::-1] == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("name", GOLDEN)
def test_known_value_on_a_real_face(name: str, sources: Path, raw_face: np.ndarray) -> None:
    found = measured(name, sources, to_unit(coarse(raw_face))[None], to_unit(raw_face)[None])
    assert found == pytest.approx([GOLDEN[name]], rel=2e-3)


@pytest.mark.parametrize(("name", "expected"), [("fd_effnet", 289.548), ("kd_effnet", 557.926)])
def test_known_value_on_real_sets(name: str, expected: float, sources: Path) -> None:
    faces = np.stack([read_rgb(sources / "orl" / f"s{person}" / "1.pgm")[12:104] for person in range(1, 9)])
    found = measured(name, sources, to_unit(np.stack([coarse(face) for face in faces])), to_unit(faces))
    assert found == pytest.approx([expected], rel=2e-3)


@pytest.mark.parametrize("name", IMAGE)
def test_a_bad_image_is_reported_and_the_others_are_measured(name: str, sources: Path, pairs: tuple[np.ndarray, np.ndarray]) -> None:
    pred, ref = (batch[:3].copy() for batch in pairs)
    pred[1, 2, 10, 10] = np.inf
    metric = load_metric(name, sources)
    metric.update(pred, ref)
    scores = metric.result()
    assert not isinstance(scores, float)
    assert [score.status == "ok" for score in scores] == [True, False, True]
    assert math.isnan(scores[1].value)
    assert "not finite" in scores[1].status
    assert np.isfinite([scores[0].value, scores[2].value]).all()


@pytest.mark.parametrize("name", [name for name in CARDS if CARDS[name].sources])
def test_missing_weights_are_named(name: str, tmp_path: Path) -> None:
    (source,) = CARDS[name].sources
    with pytest.raises(UserError, match=f"No weights at .*{source}.*python -m clrface fetch {source}"):
        load_metric(name, tmp_path)


def test_the_embedded_protocol_has_the_metrics_of_the_plan() -> None:
    protocols = yaml.safe_load((ROOT / "clrface/catalogue/protocols.yaml").read_text())
    assert protocols["embedded"]["metrics"] == EMBEDDED
    for protocol in protocols.values():
        assert set(protocol["definitions"]) == set(protocol["metrics"]) <= set(ALL)


def test_cards_name_their_file_and_sources_that_exist() -> None:
    known = yaml.safe_load((ROOT / "clrface/catalogue/sources.yaml").read_text())
    for name, card in ALL.items():
        assert card.id == name
        assert card.direction in ("higher", "lower")
        assert card.level in ("image", "set")
        assert set(card.sources) <= set(known)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"Unknown metric 'psnrr'. Did you mean 'psnr'\? Available: accuracy_arcface_r50, accuracy_dlib"):
        metric_card("psnrr")


def test_metrics_without_torch_start_without_it() -> None:
    """Each metric is a process of its own: importing torch would take longer than measuring."""
    names = ["psnr", "ssim", "ids_dlib", "idd_dlib", "lmd_dlib", "niqe", "fd_effnet", "kd_effnet"]
    modules = ", ".join(["clrface.metrics.measure", "clrface.metrics.recognise", *(f"clrface.metrics.{name}" for name in names)])
    code = f"import sys, {modules}; print([name for name in ('torch', 'torchvision', 'pandas', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_editing_a_metric_changes_its_own_fingerprint_alone(tmp_path: Path) -> None:
    for path in (ROOT / "clrface").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = fingerprints(tmp_path)
    for module, changed in {
        "psnr": {"psnr", "psnr_full_count"},
        "networks/dlib_recogniser": {"ids_dlib", "idd_dlib", "idd_dlib_input", *(name for name in GALLERY if name.endswith("_dlib"))},
        "networks/effnet": {"fd_effnet", "kd_effnet", "fd_effnet_clean", "kd_effnet_clean"},
        "recognition": GALLERY,
        "measure": set(ALL),
    }.items():
        path = tmp_path / "clrface" / "metrics" / f"{module}.py"
        kept = path.read_text()
        path.write_text(kept + "\n# edited\n")
        after = fingerprints(tmp_path)
        assert {name for name in ALL if after[name] != before[name]} == changed, module
        path.write_text(kept)


def fingerprints(root: Path) -> dict[str, str]:
    """Each metric's fingerprint, from the copy of this project under `root`."""
    code = (
        "from clrface.fingerprint import fingerprint\n"
        "from clrface.metrics.registry import metric_cards, metric_modules\n"
        "for name in metric_cards(): print(name, fingerprint(*metric_modules(name)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())
