"""Metrics of other packages, and protocols of one's own: a package is really built, installed into a folder and measured by."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import write_png
from clrface.metrics.protocols import laid_over, load_protocol
from clrface.project import config_of, read_project
from tests.unit.test_plug_ins import install

GROUP = "clrface.metrics"
FAMILY = '''"""Mean absolute error."""

from pathlib import Path

import numpy as np

from clrface.metrics.collect import ImageScores

SHARED = {"direction": "lower", "level": "image", "needs_reference": True, "decimals": 3, "class_name": "Error",
          "definition": "Mean absolute error.", "citation": "closed form"}
CARDS = (
    {"id": "mae", "label": "MAE", "unit": "", "perfect": 0, "lowest": 0},
    {"id": "mae_255", "label": "MAE", "unit": "levels", "params": {"scale": 255}, "perfect": 0, "lowest": 0},
)


class Error(ImageScores):
    def __init__(self, sources: Path, scale: float = 1):
        super().__init__()
        self._scale = scale

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        return (self._scale * np.abs(pred - ref).mean((1, 2, 3))).tolist()
'''
ENTRY = 'errors = "bfr_darker.method"'
CONFIG = "protocols:\n  mine:\n    metrics: [psnr, mae_255]\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plug-in"), ENTRY, FAMILY, GROUP)


def call(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True)


def ask(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    return call(
        site, "-c", f"import json, sys; from clrface.fingerprint import fingerprint; from clrface.metrics.registry import *; {code}"
    )


def test_an_installed_package_adds_its_metrics(site: Path) -> None:
    done = ask(site, "print(json.dumps([metric_card('mae_255').unit, 'bfr_darker.method' in sys.modules, 'psnr' in metric_cards()]))")
    assert json.loads(done.stdout) == ["levels", False, True], done.stderr
    code = "import numpy; z = numpy.zeros((1, 3, 4, 4)); m = load_metric('mae_255', '.'); m.update(z, z + 1); print(m.result()[0].value)"
    assert ask(site, code).stdout == "255.0\n"


def test_a_folder_is_measured_by_it_under_a_protocol_of_a_config(site: Path, tmp_path: Path) -> None:
    for name, level in (("pred", 10), ("gt", 14)):
        write_png(tmp_path / name / "a.png", np.full((16, 16, 3), level, np.uint8))
    (tmp_path / "config.yaml").write_text(CONFIG)
    folders = ["--pred", str(tmp_path / "pred"), "--gt", str(tmp_path / "gt"), "--out", str(tmp_path / "out.csv")]
    done = call(site, "-m", "clrface", "evaluate", *folders, "--protocol", "mine", "--protocols", str(tmp_path / "config.yaml"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open() as handle:
        assert {row["metric"]: float(row["value"]) for row in csv.DictReader(handle)} == pytest.approx({"psnr": 36.0896, "mae_255": 4})


def test_an_edit_of_it_changes_the_metric_s_fingerprint(site: Path) -> None:
    code = "print(*(fingerprint(*metric_modules(name)) for name in ('mae', 'mae_255', 'psnr')))"
    before = ask(site, code).stdout.split()
    path = site / "bfr_darker" / "method.py"
    kept = path.read_text()
    path.write_text(kept.replace('"scale": 255', '"scale": 256'))
    card = ask(site, code).stdout.split()
    path.write_text(kept + "# edited\n")
    whole = ask(site, code).stdout.split()
    path.write_text(kept)
    assert len(before) == 3
    assert [one == other for one, other in zip(before, card, strict=True)] == [True, False, True]
    assert [one == other for one, other in zip(before, whole, strict=True)] == [False, False, True]


@pytest.mark.parametrize(
    ("entry", "family", "message"),
    [
        (ENTRY, FAMILY.replace('"mae"', '"psnr"'), "Two metrics have the id 'psnr'"),
        ('errors = "bfr_darker.nothing"', FAMILY, "names the module bfr_darker.nothing for its metrics 'errors'"),
        (ENTRY, FAMILY.replace('"unit": "levels"', '"units": "levels"'), "(package bfr-darker): 'units'. Did you mean 'unit'?"),
        (ENTRY, "x = 1\n", "(package bfr-darker, entry point clrface.metrics) has no CARDS"),
    ],
)
def test_a_bad_plug_in_is_told(entry: str, family: str, message: str, tmp_path: Path) -> None:
    done = ask(install(tmp_path, entry, family, GROUP), "metric_cards()")
    assert done.returncode != 0 and "UserError" in done.stderr and message in done.stderr


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"metrics": ["psnrr"]}, r"metric of protocol 'mine': 'psnrr'\. Did you mean 'psnr'\?"),
        ({"metric": ["psnr"]}, "Protocol 'mine' needs `metrics`"),
        ({"metrics": ["psnr"], "descripton": "x"}, r"key of protocol 'mine': 'descripton'\. Did you mean 'description'\?"),
        ({"metrics": ["psnr", "psnr"]}, "names the metric 'psnr' twice"),
    ],
)
def test_a_protocol_with_mistakes_is_told(entry: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        laid_over({}, {"protocols": {"mine": entry}})


def test_a_config_s_protocol_is_laid_over_the_project_s(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("protocols:\n  embedded: {metrics: [psnr]}\n  mine: {metrics: [ssim]}\nprotocol: mine\n")
    project = read_project()
    config = config_of([path], project)
    entries = laid_over(project.protocols, config)
    assert entries["embedded"] == {"metrics": ["psnr"]} and entries["mine"] == {"metrics": ["ssim"]} and "vqfr" in entries
    assert load_protocol(path, "mine").metrics == ("ssim",)
    path.write_text("protocols:\n  mine: {metrics: [lpips]}\n")
    with pytest.raises(UserError, match=r"protocols\.mine\.metrics.*lpips"):
        config_of([path], project)
