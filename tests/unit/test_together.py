"""`clrface evaluate` of several folders: one table with marks, in every format; and fetching all that a protocol needs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from clrface.cli import main
from clrface.cli.commands.data import _sources_of
from clrface.images import write_png
from clrface.public import evaluate


@pytest.fixture
def folders(tmp_path: Path, orl_faces: dict[str, np.ndarray]) -> Path:
    """The truth, a method that is one level off, one that is five levels off, and one that lacks an image."""
    for name, face in list(orl_faces.items())[:4]:
        write_png(tmp_path / "truth" / f"{name}.png", face)
        write_png(tmp_path / "near" / f"{name}.png", np.clip(face.astype(int) + 1, 0, 255).astype(np.uint8))
        write_png(tmp_path / "far" / f"{name}.png", np.clip(face.astype(int) + 5, 0, 255).astype(np.uint8))
    return tmp_path


def run(folders: Path, *words: str) -> int:
    given = ["evaluate", "--pred", f"ours={folders / 'near'}", str(folders / "far"), "--gt", str(folders / "truth"), "--bootstrap", "20"]
    return main([*given, *words])


def test_several_folders_give_one_table_with_the_values_of_each(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outs = [str(folders / f"t.{suffix}") for suffix in ("csv", "json", "md", "tex", "html")]
    assert run(folders, "--out", *outs) == 0
    said = capsys.readouterr().out
    assert "ours" in said and "far" in said and "*" in said
    assert f"Intervals: {', '.join(outs)}." in " ".join(said.split())
    rows = {row["method"]: row for row in csv.DictReader((folders / "t.csv").open())}
    alone = evaluate(folders / "near", folders / "truth", resamples=20)
    assert float(rows["ours"]["psnr"]) == alone.values["psnr"] > float(rows["far"]["psnr"])
    assert float(rows["ours"]["psnr_lo"]) == alone.to_frame().loc["psnr", "lo"]
    assert [row["method"] for row in json.loads((folders / "t.json").read_text())["rows"]] == ["ours", "far"]
    best = f"{alone.values['psnr']:.2f}"
    assert f"**{best}**" in (folders / "t.md").read_text() and rf"\textbf{{{best}}}" in (folders / "t.tex").read_text()
    page = (folders / "t.html").read_text()
    assert f"<b>{best}</b>" in page and "http" not in page


def test_without_a_file_the_legend_names_none(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folders) == 0
    assert "Intervals: in a file that --out names." in " ".join(capsys.readouterr().out.split())


def test_a_frame_has_a_row_a_metric(folders: Path) -> None:
    frame = evaluate(folders / "near", folders / "truth", resamples=20).to_frame()
    assert list(frame.index) == ["psnr", "ssim"] and frame["direction"].tolist() == ["higher", "higher"]
    assert (frame["lo"] <= frame["value"]).all() and (frame["value"] <= frame["hi"]).all() and (frame["n"] == 4).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "{folder}/t.xlsx"], "found the suffix '.xlsx', expected one of .csv, .json, .md, .tex, .html"),
        (["--pred", "ours={folder}/truth"], "two folders are called 'ours'"),
        (["--pred", "more={folder}/nothing"], "No folder at"),
    ],
)
def test_wrong_words_are_told(folders: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folders, *(word.format(folder=folders) for word in words)) == 2
    assert said in capsys.readouterr().err


def test_folders_of_other_images_do_not_compare(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((folders / "far").glob("*.png")).unlink()
    words = ["evaluate", "--pred", f"a={folders / 'near'}", f"b={folders / 'far'}", "--metrics", "niqe", "--protocol", "embedded"]
    assert main([*words, "--bootstrap", "2", "--out", str(tmp_path / "t.md")]) == 2
    assert "their numbers don't compare" in capsys.readouterr().err


def test_all_that_a_protocol_or_a_method_needs() -> None:
    assert {"dlib", "effnet", "niqe", "stlpips"} <= set(_sources_of("embedded", None))
    assert _sources_of(None, "gfpgan_1_4") == ["gfpgan_1_4"] and _sources_of("distortion", None) == []


def test_fetching_nothing_says_what_could_be_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch"]) == 2 and "clrface fetch --protocol pmrf" in capsys.readouterr().err
    assert main(["fetch", "--protocol", "distortion"]) == 0
    assert main(["fetch", "--protocol", "pmfr"]) == 2 and "Did you mean 'pmrf'" in capsys.readouterr().err
