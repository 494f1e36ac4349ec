"""The whole of `clrface ntire`, pyiqa's MANIQA included: 20 crops an image, a minute and a half each on one core."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
import skimage.data

from clrface.cli import main
from clrface.images import write_png
from tests.unit import quality_weights
from tests.unit.test_ntire import write_points


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (find_spec("pyiqa") and find_spec("clip")), reason="pyiqa isn't installed")
def test_the_command_scores_two_images(official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quality_weights.musiq_file(official / "musiq_koniq" / "musiq_koniq_ckpt-e95806b9.pth")
    quality_weights.maniqa_file(official / "maniqa_koniq" / "ckpt_koniq10k.pt")
    quality_weights.clip_file(official / "clip_rn50" / "RN50.pt")
    face = skimage.data.astronaut()
    for name, output in (("a", face), ("b", 255 - face[:, ::-1])):
        write_png(tmp_path / "lq" / f"{name}.png", face)
        write_png(tmp_path / "out" / f"{name}.png", output)
    points = write_points(tmp_path / "points.csv", {"a": "CelebA", "b": "LFW-Test"})
    folders = ["--results", str(tmp_path / "out"), "--inputs", str(tmp_path / "lq")]
    out = tmp_path / "score.csv"
    assert main(["ntire", *folders, "--points", str(points), "--raw", str(official), "--year", "2025", "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.open()))
    assert [row["dataset"] for row in rows] == ["CelebA", "LFW-Test", "All", "Score"]
    parts = [float(rows[-1][name]) for name in ("niqe_yiq", "clipiqa", "maniqa", "musiq", "fid_ffhq512")]
    assert float(rows[-1]["score"]) == pytest.approx(sum(parts))
    assert float(rows[0]["id_adaface"]) == pytest.approx(1, abs=1e-6)
    assert "identity filter passed" in capsys.readouterr().out
