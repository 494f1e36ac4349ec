"""The wheel, installed into an environment of its own, works in a folder that knows nothing of the project."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from clrface.fingerprint import ROOT
from clrface.images import read_rgb, write_png
from tests.copies import copy_project

PARTS = ("clrface", "models", "pyproject.toml", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    copy_project(folder / "project", PARTS)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(folder / "project")]
    subprocess.run([*PIP, *words], check=True)
    [path] = (folder / "dist").glob("*.whl")
    return path


class Elsewhere:
    """A folder with nothing in it, and an environment with the wheel and this environment's packages, but for the project."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder, self.bin = folder / "anywhere", folder / "venv/bin"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.bin.parent)], check=True)
        [site] = self.bin.parent.glob("lib/python*/site-packages")
        (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
        subprocess.run([*PIP, "--python", str(self.bin / "python"), "install", "--quiet", "--no-deps", str(wheel)], check=True)

    def run(self, *words: str, code: int = 0) -> str:
        env = os.environ | {"CLRFACE_HOME": str(self.folder.parent / "home"), "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([self.bin / words[0], *words[1:]], cwd=self.folder, env=env, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    return Elsewhere(tmp_path_factory.mktemp("elsewhere"), wheel)


def test_it_brings_one_package_with_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name and ".data/" not in name}
    assert packages == {"clrface"}
    in_git = subprocess.run(["git", "ls-files", "clrface"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert set(in_git) <= set(names), "all of it, its data too"


def test_it_tells_its_version_and_what_there_is(elsewhere: Elsewhere) -> None:
    where, version = elsewhere.run("python", "-c", "import clrface; print(clrface.__file__, clrface.__version__)").split()
    assert Path(where).is_relative_to(elsewhere.bin.parent)
    assert elsewhere.run("clrface", "--version") == f"clrface {version}\n"
    for kind, name in {"methods": "clrface", "metrics": "psnr", "protocols": "pmrf", "degradations": "blind", "datasets": "orl"}.items():
        assert name in json.loads(elsewhere.run("clrface", "list", kind, "--json"))


def test_it_measures_and_keeps_what_is_fetched_in_the_cache(elsewhere: Elsewhere, sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    for name, face in orl_faces.items():
        write_png(elsewhere.folder / "truth" / f"{name}.png", face)
        write_png(elsewhere.folder / "out" / f"{name}.png", 255 - face)
    words = ["clrface", "evaluate", "--pred", "out", "--gt", "truth", "--bootstrap", "5"]
    assert "protocol distortion" in elsewhere.run(*words)
    naturalness = [*words, "--protocol", "embedded", "--metrics", "niqe"]
    assert "clrface fetch niqe" in elsewhere.run(*naturalness, code=1)
    elsewhere.run("clrface", "fetch", "niqe", "--mirrors", *map(str, (ROOT / "data/downloads").glob("niqe")))
    assert "not measured. failed" in elsewhere.run(*naturalness)
    assert (elsewhere.folder.parent / "home/data/raw/niqe/SOURCE.json").is_file()
    assert sorted(path.name for path in elsewhere.folder.iterdir()) == ["out", "truth"], "nothing is written into the working folder"


def test_it_restores_a_photograph_with_clr_face(elsewhere: Elsewhere, sources: Path) -> None:
    """Three commands in all: the environment, the wheel, and this one, which fetches the detector and the recogniser."""
    face = read_rgb(ROOT / "clrface/catalogue/faces/generated/g000000.png")
    wall = np.full((200, 240, 3), 140, np.uint8)
    wall[40:168, 60:188] = cv2.GaussianBlur(face, (0, 0), 3)
    write_png(elsewhere.folder / "photo.png", wall)
    elsewhere.run("clrface", "restore", "photo.png", "--force")
    restored = read_rgb(elsewhere.folder / "restored" / "photo.png")
    assert np.array_equal(restored[:, :50], wall[:, :50]) and np.abs(restored[80:140, 90:160].astype(int) - wall[80:140, 90:160]).mean() > 2
    elsewhere.run("clrface", "restore", "photo.png", "-o", "other", "--method", "unet", code=2)  # the rivals' weights aren't in it
