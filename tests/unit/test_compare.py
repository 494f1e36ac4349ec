"""Two rows head to head: the difference is of the same images, and its interval is that of the difference."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.stats.bootstrap import Estimate, without_perfect
from clrface.tables.compare import Difference, Draws, compare, show_differences
from clrface.tables.table import Row, Table, table_to_json

PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "closed form")
KD = MetricCard("kd", "KD", "lower", "", "set", True, 2, "test", "closed form")
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


def row(name: str, scores: Path) -> Row:
    """A table's row with the estimates that its scores give."""
    place = scores / "orl" / "blind" / name / "0"
    values = [float(line.split(",")[1]) for line in (place / "psnr.csv").read_text().splitlines()[1:]]
    kd = float((place / "kd.csv").read_text().splitlines()[1].split(",")[1])
    estimates = {"psnr": Estimate(float(np.nanmean(without_perfect(np.array(values)))), 0, 0), "kd": Estimate(kd, 0, 0)}
    return Row(name, name.upper(), False, "orl", "blind", 40, 0, (0,), estimates)


def differences(scores: Path, names: str = "ab", people: dict[str, str] | None = None) -> dict[str, Difference]:
    rows = [row(name, scores) for name in names]
    return {one.metric: one for one in compare(rows, scores, [PSNR, KD], Draws(0, "orl", 200, people or {}))}


def test_a_difference_far_smaller_than_the_images_spread_is_told(scores: Path) -> None:
    psnr, kd = differences(scores)["psnr"], differences(scores)["kd"]
    assert psnr.change.value == pytest.approx(0.5, abs=0.05) and 0.4 < psnr.change.low < psnr.change.high < 0.6
    assert psnr.verdict("higher") == "better" and psnr.verdict("lower") == "worse"
    assert kd.change.value == pytest.approx(-40) and kd.change.high - kd.change.low < 4
    assert kd.relative.value == pytest.approx(-0.4) and kd.relative.low < -0.4 < kd.relative.high < -0.3
    assert kd.verdict("lower") == "better"


def test_a_failure_counts_as_the_metric_counts_it(tmp_path: Path) -> None:
    """A protocol that divides by the full count takes an image without output for 0 dB: (30 + 30) / 2 - (20 + 0) / 2."""
    card, place = replace(PSNR, failed_as=0.0), tmp_path / "orl" / "blind"
    for name, second in (("a", [30, "ok"]), ("b", ["", "no output"])):
        lines = [["s0", 30 if name == "a" else 20, "ok"], ["s1", *second]]
        write(place / name / "0" / "psnr.csv", ["image_id", "value", "status"], lines)
    values = {"a": 30.0, "b": 10.0}
    rows = [Row(name, name, False, "orl", "blind", 2, 0, (0,), {"psnr": Estimate(value, 0, 0)}) for name, value in values.items()]
    [found] = compare(rows, tmp_path, [card], Draws(0, "orl", 50, {}))
    assert (found.n, found.change.value) == (2, 20)


def test_a_share_of_another_row_s_change(scores: Path) -> None:
    rng = np.random.default_rng(1)
    place = scores / "orl" / "blind"
    base = np.array([float(line.split(",")[1]) for line in (place / "a" / "0" / "psnr.csv").read_text().splitlines()[1:]])
    write_row(place / "c", base - 1 + rng.normal(0, 0.01, 40), 100.0, 100 + rng.normal(0, 1, 200))
    write_row(place / "d", base - 2 + rng.normal(0, 0.01, 40), 200.0, 200 + rng.normal(0, 1, 200))
    found = differences(scores, "cad")
    assert found["psnr"].share.value == pytest.approx(0.5, abs=0.02) and found["psnr"].share.high - found["psnr"].share.low < 0.05
    assert found["kd"].share.value == pytest.approx(100 / 140)


def test_people_are_drawn_with_all_their_photographs(scores: Path) -> None:
    place = scores / "orl" / "blind"
    person = np.repeat(np.random.default_rng(2).normal(0, 1, 4), 10)
    write_row(place / "a", 25 + person, 60.0, np.full(200, 60.0))
    write_row(place / "b", np.full(40, 25.0), 60.0, np.full(200, 60.0))
    people = {image_id: f"p{number // 10}" for number, image_id in enumerate(IDS)}
    alone, together = (differences(scores, people=known)["psnr"].change for known in ({}, people))
    assert alone.value == together.value
    assert together.high - together.low > 2 * (alone.high - alone.low), "four people tell less than forty"


def test_an_interval_that_holds_zero_tells_nothing_apart() -> None:
    unsure = Estimate(0.1, -0.1, 0.3)
    assert Difference("psnr", 40, 1, 1, unsure, unsure).verdict("higher") == "not told apart"


def test_an_infinite_psnr_is_left_out_of_the_difference(scores: Path) -> None:
    path = scores / "orl" / "blind" / "a" / "0" / "psnr.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], f"{IDS[0]},inf,ok", *lines[2:]]) + "\n")
    found = differences(scores)["psnr"]
    assert found.n == 39 and found.change.value == pytest.approx(0.5, abs=0.05)


def test_what_has_no_finite_value_is_not_compared(scores: Path, tmp_path: Path) -> None:
    path = scores / "orl" / "blind" / "a" / "0" / "psnr.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(f"{line.split(',')[0]},inf,ok" for line in lines)]) + "\n")
    made, table, out = (
        Table("table1", "embedded", 64, 200, (PSNR,), tuple(row(name, scores) for name in "ab")),
        tmp_path / "t.json",
        io.StringIO(),
    )
    table.write_text(json.dumps(table_to_json(made) | {"base_seed": 0}))
    show_differences(table, "a", "b", scores, stream=out)
    assert "psnr" in out.getvalue() and "not comparable" in out.getvalue() and "nan" not in out.getvalue()


def test_scores_of_other_images_or_of_another_run_are_refused(scores: Path) -> None:
    rows = [row(name, scores) for name in "ab"]
    path = scores / "orl" / "blind" / "b" / "0" / "psnr.csv"
    whole = path.read_text()
    path.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match="not of the same images"):
        differences(scores)
    path.write_text(whole.replace(whole.splitlines()[1].split(",")[1], "12.5"))
    with pytest.raises(UserError, match=r"give psnr .* but the table has .* of another run"):
        compare(rows, scores, [PSNR, KD], Draws(0, "orl", 200, {}))


def test_the_command_s_text(scores: Path, tmp_path: Path) -> None:
    table = tmp_path / "table1.json"
    made = Table("table1", "embedded", 64, 200, (PSNR, KD), tuple(row(name, scores) for name in "ab"))
    table.write_text(json.dumps(table_to_json(made) | {"base_seed": 0}))
    out = io.StringIO()
    show_differences(table, "a", "b", scores, stream=out)
    lines = out.getvalue().splitlines()
    assert "first: A · second: B" in lines[0] and lines[2].split()[:2] == ["psnr", "40"] and lines[2].endswith("better")
    assert "-40.0%" in lines[3]
    with pytest.raises(UserError, match=r"Unknown row 'aa'\. Did you mean 'a'\?"):
        show_differences(table, "aa", "b", scores)
    with pytest.raises(UserError, match="No table at"):
        show_differences(tmp_path / "none.json", "a", "b", scores)
