"""A table's files: csv, json, Markdown and TeX, and what they say of where the numbers come from."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import write_png
from clrface.stats.bootstrap import Estimate
from clrface.tables.formats import to_csv, to_markdown, to_tex
from clrface.tables.provenance import code_version, lq_checksum, lq_images
from clrface.tables.table import format_value, table_from_json, table_to_json
from clrface.tables.terminal import render
from tests.unit.score_files import CARDS, IDS, N_BOOT, PSNR, Project


def test_csv_reads_back_to_the_same_numbers(project: Project):
    project.write("a", "psnr", {image_id: 25.0 + i / 3 for i, image_id in enumerate(IDS)})
    table = project.build()
    lines = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert list(lines[0])[:10] == ["method", "label", "dataset", "degradation", "n", "n_failed", "seeds", "psnr", "psnr_lo", "psnr_hi"]
    for line, row in zip(lines, table.rows, strict=True):
        for metric in CARDS:
            assert Estimate(*(float(line[metric + end]) for end in ("", "_lo", "_hi"))) == row.estimates[metric]
    assert [lines[3][column] for column in ("psnr", "psnr_lo", "psnr_hi")] == ["inf", "inf", "inf"]
    frame = pd.read_csv(io.StringIO(to_csv(table)))
    assert frame["psnr"].tolist() == [row.estimates["psnr"].value for row in table.rows]


def test_a_second_call_writes_the_same_bytes(project: Project):
    files = [project.target.with_suffix(suffix) for suffix in (".csv", ".json", ".md", ".tex")]
    project.tabulate()
    first = [path.read_bytes() for path in files]
    project.tabulate()
    assert [path.read_bytes() for path in files] == first
    assert sorted(project.target.parent.iterdir()) == sorted(files)


def test_json_says_where_the_numbers_come_from(project: Project, tmp_path: Path):
    folder = tmp_path / "models" / "a"
    (folder / "prior").mkdir(parents=True)
    (folder / "prior" / "model.safetensors").write_bytes(b"weights")
    (folder / "README.md").write_text("card")
    project.tabulate(a=folder)
    content = json.loads(project.target.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert {key: content[key] for key in ("protocol", "preset", "resolution", "base_seed", "bootstrap", "device")} == {
        "protocol": "embedded",
        "preset": "embedded",
        "resolution": 64,
        "base_seed": 0,
        "bootstrap": N_BOOT,
        "device": "cpu",
    }
    assert content["weights"] == {"a": {"prior/model.safetensors": sha256_file(folder / "prior" / "model.safetensors")}}
    images = lq_images(project.degraded / "orl" / "blind")
    assert content["lq_sets"] == {"orl/blind": {"images": 4, "sha256": lq_checksum(images)}}
    assert content["environment"]["packages"]["numpy"] == np.__version__
    assert table_from_json(content) == project.build()
    assert content["rows"][3]["estimates"]["psnr"] == ["inf", "inf", "inf"]


def test_an_unmeasured_value_is_null_in_json(project: Project):
    project.write("a", "kd_x", {}, {"*": "fewer than two images"})
    content = table_to_json(project.build())
    assert content["rows"][1]["estimates"]["kd_x"] == [None, None, None]
    assert math.isnan(table_from_json(content).rows[1].estimates["kd_x"].low)


def test_the_checksum_of_a_degraded_set_follows_names_and_pixels(project: Project):
    folder = project.degraded / "orl" / "blind"
    before = lq_checksum(lq_images(folder))
    (folder / "001" / "p2_1.png").rename(folder / "000" / "p2_1.png")
    assert lq_checksum(lq_images(folder)) == before, "the chunk is no part of it"
    (folder / "000" / "p2_1.png").rename(folder / "000" / "p2_2.png")
    renamed = lq_checksum(lq_images(folder))
    write_png(folder / "000" / "p2_2.png", np.full((2, 2, 3), 200, np.uint8))
    assert len({before, renamed, lq_checksum(lq_images(folder))}) == 3


def test_what_a_killed_run_left_behind_is_no_image(project: Project):
    folder = project.degraded / "orl" / "blind"
    (folder / "000" / ".part-abc.png").write_bytes(b"half")
    assert list(lq_images(folder)) == IDS


def test_one_id_in_two_chunks_is_refused(project: Project):
    folder = project.degraded / "orl" / "blind"
    write_png(folder / "001" / "p1_1.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UserError, match="Two images with one id"):
        lq_images(folder)
    with pytest.raises(UserError, match="No degraded images under"):
        lq_images(folder / "nothing")


def test_missing_weights_are_named(project: Project, tmp_path: Path):
    with pytest.raises(UserError, match="No weights in"):
        project.tabulate(a=tmp_path / "models" / "a")


def test_a_folder_outside_of_git_has_no_commit(tmp_path: Path):
    assert code_version(tmp_path) == {"commit": None, "dirty": None}


def test_markdown_is_one_well_formed_table_a_block(project: Project):
    project.rows = [*project.rows, *(replace(row, degradation="mild") for row in project.rows)]
    (project.scores / "orl" / "blind").rename(project.scores / "orl" / "mild")
    Project(project.scores.parent)  # writes `blind` again
    text = to_markdown(project.build())
    assert re.findall(r"^## (.*)$", text, flags=re.M) == [f"orl, degradation `{d}`: 4 images, seed 0" for d in ("blind", "mild")]
    tables = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.M)
    assert len(tables) == 2
    for one in tables:
        cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in one.splitlines()]
        assert {len(line) for line in cells} == {5}
        assert cells[0] == ["Method", "failed", "PSNR, dB ↑", "NIQE ↓", "KD (x) ↓"]
        assert [line[0] for line in cells[2:]] == ["*Degraded input*", r"A\_1 & co", "b", "*Ground truth*"]
        low, high = (format_value(part, PSNR) for part in project.build().rows[2].estimates["psnr"][1:])
        assert cells[4][2] == f"**28.50**<br><sub>[{low}, {high}]</sub>"
        assert cells[3][2].startswith("<u>26.50</u>")
        assert cells[5][2] == "inf<br><sub>[inf, inf]</sub>"
    assert "protocol `embedded`" in text
    assert f"{N_BOOT} resamples" in text


def test_tex_is_well_formed(project: Project):
    text = to_tex(project.build())
    for name in ("table*", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 1 + 2 * 4
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {4}
    assert r"\begin{tabular}{lrrrr}" in text
    assert r"\shortstack[r]{PSNR \\ dB $\uparrow$}" in rows[0]
    assert rows[3].startswith(r"A\_1 \& co & 0 & \underline{26.50} & \underline{4.850}")
    assert r"\textbf{28.50}" in rows[5]
    assert r"$\infty$" in rows[7]
    assert r"\caption{Protocol embedded, dataset orl, degradation blind, 4 images of 64x64 pixels, seed 0." in text
    assert text.isascii()


def test_a_row_without_any_number_says_why_everywhere(project: Project):
    reason = "not run: needs a CUDA device"
    for metric in ("psnr", "niqe"):
        project.write("a", metric, {}, dict.fromkeys(IDS, reason))
        assert project.build().rows[1].note == "", "there are numbers still"
    project.write("a", "kd_x", {}, dict.fromkeys(["*", *IDS], reason))
    table = project.build()
    assert (table.rows[1].n_failed, table.rows[1].note) == (4, reason)
    assert [line["note"] for line in csv.DictReader(io.StringIO(to_csv(table)))] == ["", reason, "", ""]
    assert f"A_1 & co: {reason}." in render(table).splitlines()
    assert reason in to_markdown(table) and reason in to_tex(table)


def test_a_failed_image_s_reason_is_pointed_to(project: Project):
    project.write("a", "psnr", dict.fromkeys(IDS[1:], 20.0), {IDS[0]: "no face found"})
    text = render(project.build())
    assert "A_1 & co, 1 failed: why is in the status column of the table's scores/orl/blind/a." in text
    assert "64 px" in text


def test_different_seeds_are_told_apart_in_the_heading(project: Project):
    for metric in CARDS:
        for path in (project.path("a", metric), project.path("a", f"{metric}.replicates")):
            if path.exists():
                (path.parent.parent / "1").mkdir(exist_ok=True)
                (path.parent.parent / "1" / path.name).write_bytes(path.read_bytes())
    project.rows[1] = replace(project.rows[1], seeds=(0, 1))
    text = to_markdown(project.build())
    assert "4 images, seed 0 (Degraded input, b, Ground truth); seeds 0, 1 (A\\_1 & co)" in text.replace("A_1", "A\\_1")
    assert to_csv(project.build()).splitlines()[2].startswith("a,A_1 & co,orl,blind,4,0,0 1,26.5,")
