"""Rows of finished images: what submit-check finds, which folder a block takes, and what the table is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clrface.cli import main
from clrface.cli.commands.submission import size
from clrface.config.load import run_config
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.finished import WANTED, Block, block_folder, checksum, findings, folder_entries
from clrface.images import write_png
from clrface.paths import PRESET
from clrface.plan.datasets import chunk_images
from clrface.plan.plan import Plan, read_plan
from clrface.plan.restoring import row_code
from clrface.plan.tables import table_spec
from clrface.seeds import generator

ABOUT = {"label": "Mine", "paper": "A paper", "code": "https://example.org/mine", "version": "1f3c2a9", "licence": "MIT"}
IDS = ("a", "b", "c")


def image(name: str, size: int = 8) -> np.ndarray:
    return generator(0, "test", "submission", name).integers(0, 256, (size, size, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in IDS:
        write_png(tmp_path / "mine/faces/blind" / f"{name}.png", image(name))
    return tmp_path / "mine"


def block(tmp_path: Path, **others: np.ndarray) -> Block:
    """Three images; `degraded` and `truth` are those of `a`."""
    for kind, pixels in others.items():
        write_png(tmp_path / kind / "a.png", pixels)
    places = {kind: {"a": tmp_path / kind / "a.png"} if kind in others else {} for kind in ("degraded", "truth")}
    return Block("faces", "blind", IDS, 8, ["data/degraded/faces/blind/000"], **places)


def complete(tmp_path: Path) -> Block:
    return block(tmp_path, degraded=image("x"), truth=image("y"))


def said(folder: Path, about: dict[str, str], *blocks: Block) -> list[str]:
    return list(findings({**about, "folder": str(folder)}, blocks))


def test_a_complete_submission_has_nothing_to_put_right(folder: Path, tmp_path: Path) -> None:
    assert said(folder, ABOUT, complete(tmp_path)) == []
    assert size([complete(tmp_path)]) == "3 images in 1 block of the tables"
    assert size([complete(tmp_path)] * 2) == "6 images in 2 blocks of the tables"


@pytest.mark.parametrize("key", list(WANTED))
def test_each_empty_field_is_named(key: str, folder: Path, tmp_path: Path) -> None:
    [sentence] = said(folder, {**ABOUT, key: " "}, complete(tmp_path))
    assert sentence == f"`{key}` is missing: {WANTED[key]}."


def test_missing_and_surplus_images_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "faces/blind/b.png").rename(folder / "faces/blind/z.png")
    [sentence] = said(folder, ABOUT, complete(tmp_path))
    found = f"faces, blind: Found 3 images in {folder}/faces/blind, but expected these 3 by name: "
    assert sentence == f"{found}missing (1): b; not expected (1): z. Add what is missing, remove or rename the others."


def test_what_can_t_be_checked_yet_is_said(folder: Path, tmp_path: Path) -> None:
    unfetched, unmade = said(folder, ABOUT, replace(complete(tmp_path), ids=())), said(folder, ABOUT, block(tmp_path))
    assert unfetched == [
        "faces, blind: not checked for missing images, since faces isn't fetched. Run with this config: snakemake --cores all fetch"
    ]
    assert len(unmade) == 1 and "not compared with inputs and ground truth" in unmade[0]
    assert unmade[0].endswith("Run with this config: snakemake --cores all data/degraded/faces/blind/000")


def test_one_folder_can_t_serve_several_blocks(folder: Path, tmp_path: Path) -> None:
    flat, two = folder / "faces/blind", [complete(tmp_path), replace(complete(tmp_path), degradation="severe")]
    [sentence] = said(flat, ABOUT, *two)
    assert sentence.startswith(f"Found no folder {flat}/faces/blind, and 2 blocks of the tables")
    with pytest.raises(UserError, match="can't serve several"):
        folder_entries(flat, [("faces", "blind"), ("faces", "severe")])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (image("a", 9), "found 9x9 pixels, expected 8x8: a.png"),
        (image("x"), "equal to the degraded input: a.png"),
        (image("y"), "equal to the ground truth: a.png"),
        (b"\x89PNG\r\n\x1a\n broken", "can't be read"),
    ],
)
def test_a_wrong_image_is_named_with_its_reason(content: "np.ndarray | bytes", reason: str, folder: Path, tmp_path: Path) -> None:
    path = folder / "faces/blind/a.png"
    path.unlink()
    path.write_bytes(content) if isinstance(content, bytes) else write_png(path, content)
    [sentence] = said(folder, ABOUT, complete(tmp_path))
    assert sentence.startswith("faces, blind: ") and reason in sentence


def test_a_block_has_a_folder_of_its_own_or_the_whole(folder: Path, tmp_path: Path) -> None:
    assert block_folder(folder, "faces", "blind") == folder / "faces/blind"
    assert block_folder(folder / "faces/blind", "faces", "blind") == folder / "faces/blind"
    [sentence] = said(folder, ABOUT, replace(complete(tmp_path), degradation="severe"))
    assert sentence.startswith("faces, severe: ")


def test_the_checksum_changes_with_an_image_and_its_place(folder: Path) -> None:
    first = checksum(folder_entries(folder, [("faces", "blind")]))
    write_png(folder / "faces/blind/a.png", image("other"))
    second = checksum(folder_entries(folder, [("faces", "blind")]))
    (folder / "faces/blind").rename(folder / "faces/severe")
    assert len({first, second, checksum(folder_entries(folder, [("faces", "severe")]))}) == 3


# ---- in a config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The default preset with a row of finished images for table 1."""
    monkeypatch.chdir(ROOT)
    plan = _plan([])
    [(dataset, degradation)] = plan.table("table1").blocks[:1]
    for chunk in chunk_images(plan, dataset).values():
        for one in chunk:
            assert not isinstance(one, int)
            write_png(tmp_path / "mine" / dataset / degradation / f"{one.image_id}.png", image("one", plan.resolution))
    path = tmp_path / "mine.yaml"
    entry = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in {"folder": str(tmp_path / "mine"), **ABOUT}.items())
    others = ", ".join(f"{name}: null" for name in plan.tables if name != "table1")
    tables = f"tables: {{table1: {{datasets: [{dataset}], degradations: [{degradation}]}}, {others}}}"
    preset = f"preset: submission_test  # nothing is made in its folders\nextends: {ROOT / PRESET}\n"
    path.write_text(f"{preset}methods:\n  mine:\n{entry}\n{tables}\n")
    yield path


def _plan(paths: list[Path]) -> Plan:
    return read_plan(run_config(paths, Path(PRESET)))


def test_the_table_is_told_the_label_and_a_checksum(config: Path) -> None:
    spec = json.loads(table_spec(_plan([config]), "table1"))
    found = spec["submissions"]["mine"]
    assert {key: found[key] for key in ABOUT} == ABOUT and len(found["images"]) == 64
    assert "submissions" not in json.loads(table_spec(_plan([]), "table1")), "tables without such rows stay as they are"


def test_another_image_makes_the_row_again(config: Path, tmp_path: Path) -> None:
    before = row_code(_plan([config]), "mine")
    path = next((tmp_path / "mine").rglob("*.png"))
    write_png(path, image("another", 64))
    assert row_code(_plan([config]), "mine") != before


def test_submit_check_says_what_is_missing_and_returns_1(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit-check", str(config)]) == 1
    assert "not compared with inputs and ground truth" in capsys.readouterr().out, "nothing is made in the project's folder"
    next((tmp_path / "mine").rglob("*.png")).unlink()
    config.write_text(config.read_text().replace('"MIT"', '""'))
    assert main(["submit-check", str(config)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("mine: 2 to put right.") and "`licence` is missing" in told and "missing" in told.splitlines()[-1]
    assert main(["submit-check", str(config), "--method", "other"]) == 2
    assert "no row of finished images named 'other'" in capsys.readouterr().err
