"""Known values of metrics on a real face, what starts without torch, and what an edit reruns. The contract: tests/conformance."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from clrface.catalogue import PROTOCOLS
from clrface.fingerprint import ROOT
from clrface.images import read_rgb, to_unit
from clrface.metrics.registry import load_metric, metric_cards, metric_modules

ALL = metric_cards()
GALLERY = {name for name, card in ALL.items() if card.against == "gallery"}
EMBEDDED = ["psnr", "ssim", "stlpips_alex", "fd_effnet", "kd_effnet", "ids_dlib", "idd_dlib", "lmd_dlib", "niqe"]
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


def measured(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray, batch: int = 16) -> list[float]:
    """An image metric's values, or a set metric's single one."""
    metric = load_metric(name, sources)
    if ALL[name].against == "clean":
        metric.update_clean(ref)  # pyright: ignore[reportAttributeAccessIssue]
    for start in range(0, len(pred), batch):
        metric.update(pred[start : start + batch], ref[start : start + batch])
    found = metric.result()
    if isinstance(found, int | float):
        return [found]
    assert {score.status for score in found} == {"ok"}
    return [score.value for score in found]


@pytest.mark.parametrize("name", GOLDEN)
def test_known_value_on_a_real_face(name: str, sources: Path, raw_face: np.ndarray) -> None:
    found = measured(name, sources, to_unit(coarse(raw_face))[None], to_unit(raw_face)[None])
    assert found == pytest.approx([GOLDEN[name]], rel=2e-3)


@pytest.mark.parametrize(("name", "expected"), [("fd_effnet", 289.548), ("kd_effnet", 557.926)])
def test_known_value_on_real_sets(name: str, expected: float, sources: Path) -> None:
    faces = np.stack([read_rgb(sources / "orl" / f"s{person}" / "1.pgm")[12:104] for person in range(1, 9)])
    found = measured(name, sources, to_unit(np.stack([coarse(face) for face in faces])), to_unit(faces))
    assert found == pytest.approx([expected], rel=2e-3)


def test_the_embedded_protocol_has_the_metrics_of_the_plan() -> None:
    protocols = yaml.safe_load(PROTOCOLS.read_text())
    assert protocols["embedded"]["metrics"] == EMBEDDED
    for protocol in protocols.values():
        assert set(protocol["metrics"]) <= set(ALL)


def test_metrics_without_torch_start_without_it() -> None:
    """Each metric is a process of its own: importing torch would take longer than measuring."""
    names = ["psnr", "ssim", "ids_dlib", "lmd_dlib", "niqe", "fd_effnet", "rank1_dlib"]
    modules = ", ".join(sorted({name.partition(":")[0] for metric in names for name in metric_modules(metric)}))
    code = f"import sys, {modules}; print([name for name in ('torch', 'torchvision', 'pandas', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_edit_reruns_the_family_and_an_edited_card_its_metric_alone(tmp_path: Path) -> None:
    for path in (ROOT / "clrface").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = fingerprints(tmp_path)
    for module, changed in {
        "metrics/psnr": {name for name in ALL if name.startswith("psnr")},
        "metrics/networks/dlib_recogniser": {
            "ids_dlib",
            "idd_dlib",
            "idd_dlib_input",
            *(name for name in GALLERY if name.endswith("_dlib")),
        },
        "metrics/networks/effnet": {"fd_effnet", "kd_effnet", "fd_effnet_clean", "kd_effnet_clean"},
        "metrics/verification": GALLERY,
        "evaluation/measure": set(ALL),
    }.items():
        path = tmp_path / "clrface" / f"{module}.py"
        kept = path.read_text()
        path.write_text(kept + "\n# edited\n")
        after = fingerprints(tmp_path)
        assert {name for name in ALL if after[name] != before[name]} == changed, module
        path.write_text(kept)
    for old, new, changed in [('"epsilon": 1e-8', '"epsilon": 1e-9', {"psnr_eps"}), ("CARDS = (\n", "CARDS = (\n    # a remark\n", set())]:
        path = tmp_path / "clrface" / "metrics" / "psnr.py"
        kept = path.read_text()
        path.write_text(kept.replace(old, new))
        after = fingerprints(tmp_path)
        assert {name for name in ALL if after[name] != before[name]} == changed, new
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
