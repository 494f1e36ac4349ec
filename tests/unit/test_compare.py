"""Two rows head to head: the difference is of the same images, and its interval is that of the difference."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.tables.bootstrap import Estimate
from clrface.tables.compare import Difference, compare, show_differences
from clrface.tables.table import Row, Table, table_to_json

PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "closed form")
KD = MetricCard("kd", "KD", "lower", "", "set", True, 2, "closed form")
IDS = [f"s{number}" for number in range(40)]


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


def write_row(folder: Path, values: np.ndarray, kd: float, replicates: np.ndarray) -> Path:
    """One row's scores at seed 0."""
    write(folder / "0" / "psnr.csv", ["image_id", "value", "status"], [[i, v, "ok"] for i, v in zip(IDS, values, strict=True)])
    write(folder / "0" / "kd.csv", ["image_id", "value", "status"], [["*", kd, "ok"]])
    write(folder / "0" / "kd.replicates.csv", ["replicate", "value"], [[i, v] for i, v in enumerate(replicates)])
    return folder


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Images that differ by 10 dB among themselves; the second row lies 0.5 dB (sd 0.1) below the first in each of them."""
    rng = np.random.default_rng(0)
    hard = rng.normal(25, 10, len(IDS))
    place = tmp_path / "orl" / "blind"
    shared = rng.normal(0, 5, 200)
    write_row(place / "a", hard, 60.0, 60 + shared)
    write_row(place / "b", hard - 0.5 + rng.normal(0, 0.1, len(IDS)), 100.0, 100 + shared + rng.normal(0, 0.5, 200))
    return tmp_path


def differences(scores: Path) -> dict[str, Difference]:
    place = scores / "orl" / "blind"
    found = compare(place / "a", place / "b", {"a": (0,), "b": (0,)}, [PSNR, KD], 0, "orl", 200)
    return {one.metric: one for one in found}


def test_a_difference_far_smaller_than_the_images_spread_is_told(scores: Path) -> None:
    psnr, kd = differences(scores)["psnr"], differences(scores)["kd"]
    assert psnr.change.value == pytest.approx(0.5, abs=0.05) and 0.4 < psnr.change.low < psnr.change.high < 0.6
    assert psnr.verdict("higher") == "better" and psnr.verdict("lower") == "worse"
    assert kd.change.value == pytest.approx(-40) and kd.relative == pytest.approx(-0.4) and kd.change.high - kd.change.low < 4
    assert kd.verdict("lower") == "better"


def test_an_interval_that_holds_zero_tells_nothing_apart() -> None:
    assert Difference("psnr", 1, 1, Estimate(0.1, -0.1, 0.3), 0.1).verdict("higher") == "not told apart"


def test_an_infinite_psnr_is_left_out_of_the_difference(scores: Path) -> None:
    path = scores / "orl" / "blind" / "a" / "0" / "psnr.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], f"{IDS[0]},inf,ok", *lines[2:]]) + "\n")
    assert differences(scores)["psnr"].change.value == pytest.approx(0.5, abs=0.05)


def test_rows_of_other_images_are_refused(scores: Path) -> None:
    path = scores / "orl" / "blind" / "b" / "0" / "psnr.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match="not about the same images"):
        differences(scores)


def test_the_command_s_text(scores: Path, tmp_path: Path) -> None:
    rows = [Row(name, name.upper(), False, "orl", "blind", 40, 0, (0,), {}) for name in ("a", "b")]
    table = tmp_path / "table1.json"
    table.write_text(json.dumps(table_to_json(Table("table1", "embedded", 200, (PSNR, KD), tuple(rows))) | {"base_seed": 0}))
    out = io.StringIO()
    show_differences(table, "a", "b", scores, out)
    lines = out.getvalue().splitlines()
    assert "A against B" in lines[0] and lines[2].split()[0] == "psnr" and lines[2].endswith("better")
    assert "-40.0%" in lines[3]
    with pytest.raises(UserError, match=r"Unknown row 'aa'\. Did you mean 'a'\?"):
        show_differences(table, "aa", "b", scores, out)
    with pytest.raises(UserError, match="No table at"):
        show_differences(tmp_path / "none.json", "a", "b", scores, out)
