"""From score files to a table's rows: the numbers by hand, what is refused, the marks."""

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.stats.bootstrap import Estimate, bootstrap_indices, mean_interval
from clrface.tables.formats import to_csv, to_markdown, to_tex
from clrface.tables.table import Row, format_value, marks, table_from_json, table_to_json
from clrface.tables.terminal import render
from tests.unit.score_files import CARDS, IDS, INF, N_BOOT, NAN, PSNR, Project

# --- rows


def test_a_row_is_the_mean_over_images_and_the_interval_of_the_datasets_indices(project: Project):
    values = [20.0, 21.0, 25.0, 40.0]
    project.write("a", "psnr", dict(zip(IDS, values, strict=True)))
    table = project.build()
    assert [row.method for row in table.rows] == ["input", "a", "b", "ground_truth"]
    assert [row.label for row in table.rows] == ["Degraded input", "A_1 & co", "b", "Ground truth"]
    row = table.rows[1]
    assert (row.dataset, row.degradation, row.n, row.n_failed, row.seeds) == ("orl", "blind", 4, 0, (0,))
    assert row.estimates["psnr"] == mean_interval(np.array(values), bootstrap_indices(0, "orl", N_BOOT, 4))
    assert row.estimates["psnr"].value == 26.5
    assert row.estimates["kd_x"].value == 0.625
    few = project.build(metrics=["psnr"], n_boot=3).rows[1]  # few resamples, so that a wrong pairing shows
    assert few.estimates["psnr"] == mean_interval(np.array(values), bootstrap_indices(0, "orl", 3, 4))
    assert few.estimates["psnr"] != mean_interval(np.array(values[::-1]), bootstrap_indices(0, "orl", 3, 4))
    assert table.rows[3].estimates["psnr"] == Estimate(INF, INF, INF)


def test_scores_are_paired_by_id_not_by_place(project: Project):
    before = project.build().rows[1]
    project.write("a", "psnr", {image_id: 25.0 + i for i, image_id in reversed(list(enumerate(IDS)))})
    assert project.build().rows[1] == before


def test_an_image_that_failed_anywhere_counts_once(project: Project):
    project.write("a", "psnr", {"p1_1": 20.0, "p10_1": 30.0}, {"p1_2": "restorer raised", "p2_1": "no face found"})
    project.write("a", "niqe", dict.fromkeys(["p1_1", "p10_1", "p2_1"], 5.0), {"p1_2": "restorer raised"})
    project.write("a", "kd_x", {"*": 0.5}, {"p1_2": "restorer raised"}, replicates=[0.5] * N_BOOT)
    row = project.build().rows[1]
    assert (row.n, row.n_failed) == (4, 2)
    assert row.estimates["psnr"].value == 25.0
    assert row.estimates["niqe"].value == 5.0
    assert row.estimates["kd_x"] == Estimate(0.5, 0.5, 0.5)


def test_several_seeds_are_averaged_before_the_bootstrap(project: Project):
    for metric in CARDS:
        for seed, shift in ((1, 2.0), (2, 4.0)):
            if metric == "kd_x":
                project.write("a", metric, {"*": 1.0 + shift}, replicates=[1.0 + shift + 0.01 * i for i in range(N_BOOT)], seed=seed)
            else:
                failed = {"p2_1": "no face found"} if seed == 2 else {}
                project.write("a", metric, {i: 10.0 + shift for i in IDS if i not in failed}, failed, seed=seed)
    project.rows = [replace(project.rows[1], seeds=(1, 2))]
    row = project.build().rows[0]
    assert row.seeds == (1, 2)
    assert row.n_failed == 1
    # p2_1 counts with its one measured seed: (13 + 13 + 13 + 12) / 4
    assert row.estimates["psnr"] == mean_interval(np.array([13.0, 13.0, 13.0, 12.0]), bootstrap_indices(0, "orl", N_BOOT, 4))
    assert row.estimates["kd_x"].value == 4.0
    assert row.estimates["kd_x"].high - row.estimates["kd_x"].low == pytest.approx(0.01 * (N_BOOT - 3))


def test_a_set_that_could_not_be_measured_is_empty(project: Project):
    project.write("a", "kd_x", {}, {"*": "fewer than two images"})
    row = project.build().rows[1]
    assert row.n_failed == 0
    assert all(math.isnan(part) for part in row.estimates["kd_x"])


def test_without_ground_truth_only_the_metrics_that_need_none_are_filled(project: Project):
    project.rows = [replace(row, has_truth=False) for row in project.rows[:3]]
    for method in ("input", "a", "b"):
        project.path(method, "psnr").unlink()
        project.path(method, "kd_x").unlink()
    table = project.build()
    assert [math.isnan(table.rows[1].estimates[m].value) for m in CARDS] == [True, False, True]
    assert to_markdown(table).splitlines()[6].startswith("| *Degraded input* | 0 | – | 8.850<br>")
    assert pd.read_csv(io.StringIO(to_csv(table)))["psnr"].isna().tolist() == [True] * 3


def test_the_set_alone_gives_n_when_no_metric_is_by_image(project: Project):
    assert [row.n for row in project.build(metrics=["kd_x"]).rows] == [4, 4, 4, 4]


def test_a_missing_score_file_is_named(project: Project):
    project.path("b", "niqe").unlink()
    with pytest.raises(UserError, match=r"No score file .*b/0/niqe\.csv"):
        project.build()


def test_missing_replicates_and_too_few_are_named(project: Project):
    with pytest.raises(UserError, match=r"kd_x\.replicates\.csv has 50 bootstrap replicates; expected 60"):
        project.build(n_boot=60)
    project.path("a", "kd_x.replicates").unlink()
    with pytest.raises(UserError, match=r"No score file .*a/0/kd_x\.replicates\.csv"):
        project.build()


def test_a_resample_that_could_not_be_measured_is_left_out(project: Project):
    project.write("a", "kd_x", {"*": 1.0}, replicates=[NAN] * 20 + [3.0] * 15 + [5.0] * 15)
    assert project.build().rows[1].estimates["kd_x"] == Estimate(1.0, 0.0, 2.0)


def test_methods_scored_on_other_images_are_refused(project: Project):
    project.write("b", "psnr", {"p1_1": 1.0, "p1_2": 1.0, "p10_1": 1.0, "stranger": 1.0})
    with pytest.raises(UserError, match=r"b/0/psnr\.csv is not about the same images as .*input.*missing: p2_1; too many: stranger"):
        project.build()


def test_a_failure_of_an_unknown_image_in_a_set_metric_is_refused(project: Project):
    project.write("b", "kd_x", {"*": 1.0}, {"stranger": "raised"}, replicates=[1.0] * N_BOOT)
    with pytest.raises(UserError, match=r"b/0/kd_x\.csv has images that .* has not: stranger"):
        project.build()


def test_scores_of_another_degraded_set_are_refused(project: Project):
    (project.degraded / "orl" / "blind" / "001" / "p1_2.png").unlink()
    with pytest.raises(UserError, match=r"not of the same set: found 4 images in .*, 3 degraded; .*: p1_2\."):
        project.tabulate()
    assert not project.target.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found an empty file; expected columns image_id,value,status"),
        ("id,score\np1_1,3\n", "found id,score; expected columns"),
        ("image_id,value,status\np1_1,3,ok\np1_1,4,ok\n", "has 'p1_1' twice"),
        ("image_id,value,status\np1_1,,ok\n", "row 'p1_1': found value ''"),
        ("image_id,value,status\np1_1,nan,ok\n", "row 'p1_1': found value 'nan'"),
        ("image_id,value,status\n*,3,ok\n", "level 'image'"),
    ],
)
def test_a_malformed_score_file_is_refused(project: Project, text: str, message: str):
    project.path("a", "psnr").write_text(text)
    with pytest.raises(UserError, match=re.escape(message)):
        project.build()


def test_a_set_metric_without_its_row_is_refused(project: Project):
    project.write("a", "kd_x", dict.fromkeys(IDS, 1.0))
    with pytest.raises(UserError, match="level 'set'"):
        project.build()


def test_an_unknown_metric_is_answered_with_the_nearest(project: Project):
    with pytest.raises(UserError, match=r"Unknown metric 'psnrr'\. Did you mean 'psnr'"):
        project.build(metrics=["psnrr"])


# --- ranking


def row_of(method: str, value: float) -> Row:
    return Row(method, method, method in ("input", "ground_truth"), "orl", "blind", 4, 0, (0,), {"m": Estimate(value, value, value)})


def ranked(direction: str, *cells: tuple[str, float]) -> list[str]:
    card = MetricCard("m", "M", direction, "", "image", True, 2, "test", "test")  # pyright: ignore[reportArgumentType]
    return list(marks([row_of(method, value) for method, value in cells], card))


def test_the_direction_decides_who_is_best():
    cells = [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert ranked("higher", *cells) == ["", "second", "best"]
    assert ranked("lower", *cells) == ["best", "second", ""]


def test_controls_are_never_ranked():
    assert ranked("higher", ("input", 0.0), ("a", 1.0), ("b", 2.0), ("ground_truth", INF)) == ["", "second", "best", ""]
    assert ranked("lower", ("input", 0.0), ("a", 1.0), ("b", 2.0), ("ground_truth", 0.0)) == ["", "best", "second", ""]


def test_one_copy_of_the_truth_wins_no_column(project: Project):
    project.write("a", "psnr", {image_id: INF if image_id == IDS[0] else 20.0 for image_id in IDS})
    table = project.build()
    row = {row.method: row for row in table.rows}
    assert row["a"].estimates["psnr"] == Estimate(20.0, 20.0, 20.0) and row["a"].n_failed == 0
    assert row["a"].remark == "1 image equals the truth, at infinite dB: left out of that mean"
    assert row["ground_truth"].estimates["psnr"].value == INF and not row["ground_truth"].remark, "the truth itself stays at infinity"
    assert marks([row["a"], row["b"]], PSNR) == ["second", "best"]
    for text in (to_csv(table), to_markdown(table), to_tex(table), render(table)):
        assert "1 image equals the truth" in " ".join(text.split())
    assert table_from_json(json.loads(json.dumps(table_to_json(table)))) == table
    project.write("a", "psnr", dict.fromkeys(IDS, INF))
    assert project.build().rows[1].estimates["psnr"] == Estimate(INF, INF, INF)


def test_ties_in_print_share_a_mark():
    assert ranked("higher", ("a", 2.001), ("b", 2.004), ("c", 1.0), ("d", 0.999), ("e", 0.5)) == ["best", "best", "second", "second", ""]


def test_nobody_is_best_alone_and_the_unmeasured_dont_compete():
    assert ranked("higher", ("input", 1.0), ("a", 2.0), ("b", NAN)) == ["", "", ""]
    assert ranked("lower", ("a", NAN), ("b", 2.0), ("c", -INF)) == ["", "second", "best"]


def test_numbers_are_rounded_without_a_negative_zero():
    assert [format_value(v, PSNR) for v in (24.305, -0.001, INF, -1.239)] == [f"{24.305:.2f}", "0.00", "inf", "-1.24"]
