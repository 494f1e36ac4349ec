"""`clrface evaluate`: the table of two folders, what it refuses, and what it says of metrics that it can't measure."""

import csv
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from clrface.cli import main
from clrface.evaluation.measure import measure
from clrface.images import write_png
from clrface.metrics.networks.states import device
from clrface.stats.bootstrap import Resampling, bootstrap_indices, mean_interval
from clrface.tables import evaluate as evaluate_module

ROWS = ["psnr", "ssim", "fd_effnet"]


class Run:
    """A folder of darkened faces and one of the faces, and the command on them."""

    def __init__(self, root: Path, faces: dict[str, np.ndarray], sources: Path):
        self.root, self.sources = root, sources
        self.faces = dict(list(faces.items())[:6])
        for place, (image_id, face) in enumerate(self.faces.items()):
            write_png(self.pred / f"{image_id}.png", face - np.minimum(face, place + 1).astype(np.uint8))
            write_png(self.gt / f"{image_id}.png", face)

    @property
    def pred(self) -> Path:
        return self.root / "pred"

    @property
    def gt(self) -> Path:
        return self.root / "gt"

    @property
    def first(self) -> str:
        return next(iter(self.faces))

    def __call__(self, *words: str, protocol: str = "embedded", metrics: str | None = ",".join(ROWS), gt: bool = True) -> int:
        truth = ["--gt", str(self.gt)] if gt else []
        chosen = ["--metrics", metrics] if metrics else []
        return main(["evaluate", "--pred", str(self.pred), *truth, "--protocol", protocol, *chosen, "--raw", str(self.sources), *words])

    def table(self) -> dict[str, dict[str, str]]:
        """What --out wrote, by metric."""
        with self.out.open(newline="", encoding="utf-8") as handle:
            return {row["metric"]: row for row in csv.DictReader(handle)}

    @property
    def out(self) -> Path:
        return self.root / "out" / "table.csv"


@pytest.fixture
def run(tmp_path: Path, orl_faces: dict[str, np.ndarray], sources: Path) -> Run:
    return Run(tmp_path, orl_faces, sources)


def test_values_and_intervals_are_those_of_the_workflow(run: Run) -> None:
    assert run("--out", str(run.out), "--bootstrap", "50") == 0
    values = []
    for image_id in sorted(run.faces):
        step = list(run.faces).index(image_id) + 1
        mse = (np.minimum(run.faces[image_id].astype(float), step) ** 2).mean()
        values.append(10 * math.log10(255**2 / mse))
    expected = mean_interval(np.array(values), bootstrap_indices(0, "evaluate", 50, len(values)))
    row = run.table()["psnr"]
    assert [float(row[name]) for name in ("value", "lo", "hi")] == pytest.approx(list(expected), abs=1e-9)
    assert (row["n"], row["n_failed"], row["note"], row["protocol"]) == ("6", "0", "", "embedded")


def test_a_set_metric_has_the_measuring_steps_value(run: Run) -> None:
    scores = run.root / "scores" / "fd_effnet.csv"
    measure("fd_effnet", [run.pred], [run.gt], list(run.faces), run.sources, scores, Resampling(0, "evaluate", 20))
    expected = next(csv.DictReader(scores.open(encoding="utf-8")))["value"]
    assert run("--out", str(run.out), "--bootstrap", "20") == 0
    row = run.table()["fd_effnet"]
    assert row["value"] == expected
    assert float(row["lo"]) < float(expected) < float(row["hi"])


def test_the_table_is_printed_in_the_protocols_order(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(metrics="ssim,psnr") == 0
    lines = capsys.readouterr().out.splitlines()
    title = " ".join(lines[:2])
    assert "protocol embedded" in title
    assert "6 images · 64x64 px" in title
    psnr = next(place for place, line in enumerate(lines) if line.startswith("PSNR, dB ↑"))
    assert lines[psnr + 1].startswith("SSIM ↑")
    assert "[" in lines[psnr]


def test_other_formats_pair_by_stem(run: Run) -> None:
    for path in run.pred.glob("*.png"):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    assert run("--out", str(run.out), metrics="psnr") == 0
    assert run.table()["psnr"]["n"] == "6"


def refused(run: Run, capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a refusal, after which nothing may have been written."""
    assert run("--out", str(run.out)) == 2
    assert not run.out.parent.exists() or not list(run.out.parent.iterdir())
    return capsys.readouterr().err


def test_a_missing_image_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.pred / f"{run.first}.png").unlink()
    assert f"missing (1): {run.first}" in refused(run, capsys)


def test_a_surplus_image_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(run.pred / "stranger.png", run.faces[run.first])
    assert "not expected (1): stranger" in refused(run, capsys)


def test_a_pair_of_two_sizes_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(run.pred / f"{run.first}.png", run.faces[run.first][:32])
    message = refused(run, capsys)
    assert f"{run.first}.png has 64x32 pixels" in message
    assert "has 64x64" in message


def test_a_folder_that_is_not_there_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.root = run.root / "nowhere"
    assert "No folder at" in refused(run, capsys)


def test_a_truncated_image_is_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = run.pred / f"{run.first}.png"
    path.write_bytes(path.read_bytes()[:-400])
    assert f"Can't read {path}" in refused(run, capsys)


def test_unknown_names_get_the_nearest(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(protocol="embeded") == 2
    assert "Unknown protocol 'embeded'. Did you mean 'embedded'?" in capsys.readouterr().err
    assert run(metrics="psnr,sim") == 2
    assert "Unknown metric in protocol 'embedded': 'sim'. Did you mean 'ssim'?" in capsys.readouterr().err


def test_a_metric_without_weights_says_so_and_the_others_are_measured(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.sources = run.root / "empty"
    assert run("--out", str(run.out)) == 1
    rows = run.table()
    assert rows["fd_effnet"]["value"] == ""
    assert "python -m clrface fetch effnet" in rows["fd_effnet"]["note"]
    assert float(rows["psnr"]["value"]) > 20
    assert "python -m clrface fetch effnet" in capsys.readouterr().out
    assert run(metrics="psnr,ssim") == 0


def test_without_ground_truth_metrics_that_need_it_say_so(run: Run) -> None:
    assert run("--out", str(run.out), metrics="psnr,niqe", gt=False) == 1
    rows = run.table()
    assert "give --gt" in rows["psnr"]["note"]
    assert float(rows["niqe"]["value"]) > 5


def test_inputs_and_clean_faces_serve_the_metrics_that_ask_for_them(run: Run) -> None:
    words = ("--lq", str(run.pred), "--clean", str(run.gt), "--out", str(run.out), "--bootstrap", "10")
    assert run(*words, protocol="real_world", metrics=None, gt=False) == 0
    rows = run.table()
    assert float(rows["idd_dlib_input"]["value"]) == 0
    assert float(rows["fd_effnet_clean"]["value"]) > 0


def test_an_image_that_cant_be_measured_is_counted_and_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(run.pred / f"{run.first}.png", np.zeros((64, 64, 3), np.uint8))
    assert run("--out", str(run.out), metrics="niqe") == 0
    assert run.table()["niqe"]["n_failed"] == "1"
    assert f"{run.first}: flat: a block of the image has no texture to measure (niqe)." in capsys.readouterr().out


def test_every_kind_of_file_gives_the_same_numbers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", str(run.out), metrics="psnr,ssim") == 0
    expected = run.table()
    first, second, third, fourth, fifth, sixth = sorted(run.pred.glob("*.png"))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(first).transpose(Image.Transpose.ROTATE_90).save(first, exif=exif)
    cv2.imwrite(str(second), np.asarray(Image.open(second).convert("L")).astype(np.uint16) * 257)
    Image.open(third).convert("RGBA").save(third)
    for path, mode, suffix in ((fourth, "CMYK", ".tif"), (fifth, "RGB", ".gif"), (sixth, "RGB", "")):
        Image.open(path).convert(mode).save(path.with_suffix(suffix), format=None if suffix else "PNG")
        path.unlink()
    assert run("--out", str(run.out), metrics="psnr,ssim") == 0
    assert run.table() == expected
    assert "skipped" not in capsys.readouterr().out


def test_what_is_no_image_is_listed_with_its_reason(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.pred / "a.heic").write_bytes(b"....ftypheic")
    (run.pred / "old").mkdir()
    (run.pred / "link.png").symlink_to("nowhere")
    (run.pred / "README").write_text("mine")
    assert run(metrics="psnr") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "4 skipped: README (no image), a.heic (Pillow can't read .heic), link.png (a link to nothing), old (a folder)" in told
    (run.pred / f"{run.first}.png").rename(run.pred / f"{run.first}.heif")
    assert f"{run.first}.heif (an image, but .heif is no image's suffix: rename it)" in refused(run, capsys)


def test_a_copy_of_the_truth_is_told_and_left_out(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(run.pred / f"{run.first}.png", run.faces[run.first])
    assert run("--out", str(run.out), metrics="psnr") == 0
    assert 20 < float(run.table()["psnr"]["value"]) < 60 and "1 image equals the truth" in run.table()["psnr"]["note"]
    assert "psnr: 1 image equals the truth" in capsys.readouterr().out


def test_names_are_composed_so_that_two_systems_pair(run: Run) -> None:
    (run.pred / f"{run.first}.png").rename(run.pred / "Jose\u0301.png")
    (run.gt / f"{run.first}.png").rename(run.gt / "Jos\u00e9.png")
    assert run("--out", str(run.out), metrics="psnr") == 0
    assert run.table()["psnr"]["n"] == "6"


@pytest.mark.parametrize("name", [b"*.png", b"a\nb.png", b"\xff\xfe.png"])
def test_a_name_that_no_file_could_hold_is_refused(run: Run, capsys: pytest.CaptureFixture[str], name: bytes) -> None:
    (run.pred / f"{run.first}.png").rename(run.pred / os.fsdecode(name))
    message = refused(run, capsys)
    assert "isn't UTF-8: \\udcff" in message if name.startswith(b"\xff") else "expected a plain file name" in message


def test_the_device_is_obeyed(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLRFACE_DEVICE", "auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device().type == "cuda"
    assert run("--device", "cpu", metrics="psnr") == 0
    assert device().type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    capsys.readouterr()
    assert run("--device", "cuda", metrics="psnr") == 2
    assert "Device 'cuda' is not there. Available: cpu" in capsys.readouterr().err


def test_outputs_and_numbers_are_checked_before_the_work(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", str(run.root)) == 2
    assert "is a folder" in capsys.readouterr().err
    assert run("--bootstrap", "-5") == 2
    assert "Found -5 bootstrap resamples, but expected at least 1" in capsys.readouterr().err


def test_a_stopped_evaluation_goes_on_where_it_has_a_cache(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    real = evaluate_module.score

    def counted(card, *rest):
        measured.append(card.id)
        if measured == ROWS and not run.out.exists():
            raise KeyboardInterrupt
        return real(card, *rest)

    monkeypatch.setattr(evaluate_module, "score", counted)
    words = ["--bootstrap", "20", "--cache", str(tmp_path / "cache"), "--out", str(run.out)]
    assert run(*words) == 130 and measured == ROWS
    assert run(*words) == 0 and measured[3:] == ["fd_effnet"]
    kept = run.out.read_bytes()
    assert run(*words[:2], "--out", str(run.out)) == 0 and run.out.read_bytes() == kept, "as without a cache"
    measured.clear()
    write_png(run.pred / f"{run.first}.png", 255 - run.faces[run.first])
    assert run(*words) == 0 and measured == ROWS and run.out.read_bytes() != kept, "another image is measured"
