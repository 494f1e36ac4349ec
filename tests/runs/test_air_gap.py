"""A machine without a network: the archives that a config needs are packed where there is one, then a run has only that folder.

The sets are miniatures in the official layout, served from the loopback: real faces, the archives' names, folders and file names.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from clrface.align.chunk import COORDINATES
from clrface.align.geometry import align
from clrface.fingerprint import ROOT
from clrface.images import read_rgb, to_unit
from clrface.metrics.networks.arcface_r50 import features
from clrface.pairs import read_pairs
from tests.copies import blurred, copy_project, lfw, png
from tests.shelf import CLOSED, Shelf, sum_of, tarred, zipped
from tests.unit.official_weights import iresnet

SETS = {
    "celeba_test": ("celeba_512_validation.zip", "celeba_512_validation/{:08d}.png"),
    "celeba_test_lq_gfpgan": ("celeba_512_validation_lq.zip", "celeba_512_validation_lq/{:08d}.png"),
    "lfw_test": ("lfw_cropped_faces.zip", "lfw_cropped_faces/cropped_faces/Person_{:04d}_00.png"),
}
RESULTS, FACES = "results/embedded@ffhq", "data/embedded@ffhq"
"""Where a run lies whose template isn\'t the preset\'s own."""
CONFIG = {
    "protocol": "fidelity",
    "bootstrap": 20,
    "template": "ffhq",
    "datasets": {"celeba_test": {}, "lfw_test": {"reference": "celeba_test"}, "lfw": {}},
    "tables": {
        "table1": {"datasets": ["celeba_test"], "degradations": ["gfpgan_lq"], "methods": ["input", "ground_truth"]},
        "table3": {"datasets": ["lfw_test"], "degradations": ["as_is"], "methods": ["input"], "protocol": "naturalness"},
        "table4": {"datasets": ["lfw"], "degradations": ["x8"], "methods": ["input", "ground_truth"], "protocol": "identity"},
        **{f"table{number}": None for number in (2, 5)},
    },
}
PROTOCOLS = {
    "fidelity": {"metrics": ["psnr"]},
    "naturalness": {"metrics": ["niqe"]},
    "identity": {"metrics": ["accuracy_arcface_r50", "rank1_arcface_r50"]},
}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def project(tmp_path: Path, shelf: Shelf, sources: Path, orl_faces: dict[str, np.ndarray]) -> Path:
    """A copy of the project whose sets have a place that is down, then the loopback; what the package index gives is there."""
    folder = tmp_path / "project"
    copy_project(folder)
    (folder / "models").symlink_to(ROOT / "models")
    faces = list(orl_faces.values())
    entries = yaml.safe_load((folder / "clrface/catalogue/sources.yaml").read_text())
    for name, (archive, member) in SETS.items():
        made = [blurred(face, 16) if name == "celeba_test_lq_gfpgan" else face for face in faces]
        shelf.files[f"/datasets/chaofengc/FaceSRDatasets/resolve/main/{archive}"] = zipped(
            {member.format(number): png(face) for number, face in enumerate(made)}
        )
        for place in entries[name]["archives"]:
            place["endpoint"] = shelf.url if place["revision"] == "main" else CLOSED
            place.pop("bytes", None)
            place["sha256"] = "on_first_use"
        entries[name]["files"] = len(faces)
    serve_lfw(folder / "buffalo.onnx", shelf, entries, faces)
    (folder / "clrface/catalogue/sources.yaml").write_text(yaml.safe_dump(entries, sort_keys=False))
    (folder / "clrface/catalogue/protocols.yaml").write_text(
        yaml.safe_dump(yaml.safe_load((folder / "clrface/catalogue/protocols.yaml").read_text()) | PROTOCOLS)
    )
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIG | {"chunk": len(faces)}))
    (folder / "data/raw").mkdir()
    for source in sources.iterdir():
        (folder / "data/raw" / source.name).symlink_to(source)
    return folder


def serve_lfw(network: Path, shelf: Shelf, entries: dict[str, Any], faces: list[np.ndarray]) -> None:
    """LFW and its list of pairs at their first place, and insightface's recogniser with random weights."""
    photographs, pairs = lfw(faces, 108)
    iresnet(network)
    made = {"lfw": tarred(photographs), "lfw_pairs": pairs.encode(), "buffalo_l": zipped({"w600k_r50.onnx": network.read_bytes()})}
    for name, content in made.items():
        shelf.files[f"/{name}"] = content
        entries[name]["archives"] = [place for place in entries[name]["archives"] if place["kind"] == "url"]
        for place in entries[name]["archives"]:
            place |= {"url": f"{shelf.url}/{name}", "sha256": sum_of(content), "bytes": len(content)}
    entries["lfw"]["files"] = len(faces)


def call(project: Path, *words: str, **variables: str) -> str:
    """Run, and return what was said; pip may reach no index."""
    environment = os.environ | {"NO_COLOR": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{CLOSED}/simple"} | variables
    ended = subprocess.run(
        [sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def accuracy(project: Path, row: str) -> float:
    """A row's accuracy in percent, worked out from its images: each fold's pairs by the threshold that is best on the other."""
    embed, clean = features(project / "data/raw"), project / f"{FACES}/aligned/lfw/000"
    vectors = {
        (folder, path.stem): embed(to_unit(read_rgb(path))[None])[0]
        for folder in (clean, project / f"{RESULTS}/restored/lfw/x8/{row}/0/000")
        for path in folder.glob("*.png")
    }
    restored = next(folder for folder, _ in vectors if folder != clean)
    pairs = read_pairs(project / "data/raw/lfw_pairs/pairs.txt")
    asked = [(pair.fold, pair.genuine, way) for pair in pairs for way in ((pair.first, pair.second), (pair.second, pair.first))]
    alike = np.array([-np.linalg.norm(vectors[restored, probe] - vectors[clean, other]) for _, _, (probe, other) in asked])
    fold, genuine = (np.array([pair[place] for pair in asked]) for place in (0, 1))
    right = []
    for tested in (0, 1):
        known, known_genuine = alike[fold != tested], genuine[fold != tested]
        ordered = [np.inf, *sorted(set(known.tolist()), reverse=True)]
        shares = [(known_genuine == (known >= threshold)).mean() for threshold in ordered]
        best = int(np.argmax(shares))
        threshold = np.mean(ordered[best : best + 2]) if best else np.inf
        right += (genuine[fold == tested] == (alike[fold == tested] >= threshold)).tolist()
    return 100 * float(np.mean(right))


def test_a_run_goes_on_with_the_packed_folder_alone(project: Path, shelf: Shelf, tmp_path: Path) -> None:
    tables = [f"{RESULTS}/table{number}.csv" for number in (1, 3, 4)]
    planned = call(project, "snakemake", "-n", *tables, "fetch", "--configfile", "small.yaml")
    assert "fetch_source" in planned and shelf.asked == [], "the graph is built from counts: no file is there"
    assert "To fetch: 6 of 13 sources." in planned and "to download, and 3 of unknown size" in planned

    packed = tmp_path / "packed"
    there = os.pathsep.join(str(path) for path in (ROOT / "data" / "downloads").iterdir())
    said = call(project, "clrface", "mirror", "--to", str(packed), "--config", "small.yaml", CLRFACE_MIRRORS=there)
    assert said.count("TRUSTED ON FIRST USE") == 3
    listed = json.loads((packed / "mirror.json").read_text())["archives"]
    assert {entry["source"] for entry in listed} == {
        *SETS,
        "buffalo_l",
        "dlib",
        "effnet",
        "lfw",
        "lfw25",
        "lfw_pairs",
        "niqe",
        "orl",
        "sface",
        "stlpips",
    }

    shelf.shutdown()
    shelf.server_close()
    shutil.rmtree(project / "data/raw")
    shutil.rmtree(project / "data/downloads")
    (project / "data/sources.lock.json").unlink()
    (project / "small.yaml").write_text(yaml.safe_dump(yaml.safe_load((project / "small.yaml").read_text()) | {"mirrors": [str(packed)]}))
    call(project, "snakemake", "--cores", "2", f"{RESULTS}/figures/table4_roc.png", "--configfile", "small.yaml")
    words = ("--cores", "2", *tables, "--configfile", "small.yaml")
    call(project, "snakemake", *words)

    rows = {row["method"]: row for row in csv.DictReader((project / f"{RESULTS}/table1.csv").open())}
    assert rows["ground_truth"]["psnr"] == "inf" and 15 < float(rows["input"]["psnr"]) < 40 and rows["input"]["n"] == "12"
    given = project / f"{FACES}/degraded/celeba_test/gfpgan_lq/000/00000003.png"
    assert np.array_equal(np.asarray(Image.open(given)), np.asarray(Image.open(project / "data/raw/celeba_test_lq_gfpgan/00000003.png")))
    [row] = csv.DictReader((project / f"{RESULTS}/table3.csv").open())
    assert row["n"] == "12" and float(row["niqe"]) > 0
    rows = {row["method"]: row for row in csv.DictReader((project / f"{RESULTS}/table4.csv").open())}
    assert set(rows) == {"input", "ground_truth"}
    for name, row in rows.items():
        assert float(row["accuracy_arcface_r50"]) == pytest.approx(accuracy(project, name)), "of the listed pairs, in the list's folds"
    assert [path.name for path in (project / "data/raw/lfw").iterdir() if path.name == "Nobody"] == [], "the list doesn't name it"
    [face] = [row for row in csv.DictReader((project / f"{FACES}/aligned/lfw/000/index.csv").open()) if row["image_id"] == "Person_0_0001"]
    points = np.array([float(face[column]) for column in COORDINATES]).reshape(3, 2)
    expected = align(read_rgb(project / "data/raw/lfw/Person_0/Person_0_0001.jpg"), points, 64, "ffhq")
    assert np.array_equal(read_rgb(project / f"{FACES}/aligned/lfw/000/Person_0_0001.png"), expected)
    assert "Nothing to be done" in call(project, "snakemake", *words), "the record of the first use reruns nothing"
