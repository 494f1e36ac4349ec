"""From score files to the table: the numbers by hand, the marks, the four files, the terminal."""

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

from clrface.api import MethodCard, MetricCard
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import write_png
from clrface.seeds import generator
from clrface.stats.bootstrap import Estimate, bootstrap_indices, mean_interval, mean_over_seeds, resampled_means, set_interval
from clrface.tables.formats import to_csv, to_markdown, to_tex
from clrface.tables.provenance import code_version, lq_checksum, lq_images
from clrface.tables.table import (
    Row,
    RowSpec,
    Table,
    TableSpec,
    build_table,
    format_value,
    marks,
    read_table,
    table_from_json,
    table_to_json,
)
from clrface.tables.tabulate import tabulate
from clrface.tables.terminal import render, show

NAN, INF = math.nan, math.inf
PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "test")
NIQE = MetricCard("niqe", "NIQE", "lower", "", "image", False, 3, "test", "test")
KD = MetricCard("kd_x", "KD (x)", "lower", "", "set", True, 4, "test", "test")
CARDS = {card.id: card for card in (PSNR, NIQE, KD)}
METHODS = {
    "identity": MethodCard("identity", "Degraded input", False, control=True),
    "oracle": MethodCard("oracle", "Ground truth", False, control=True),
    "a": MethodCard("a", "A_1 & co", False),
}
IDS = ["p10_1", "p1_1", "p1_2", "p2_1"]  # sorted as text
N_BOOT = 50


def write_scores(
    path: Path, values: dict[str, float], failures: dict[str, str] | None = None, replicates: list[float] | None = None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(i, repr(float(v)), "ok") for i, v in values.items()] + [(i, "", reason) for i, reason in (failures or {}).items()]
    path.write_text("\n".join(",".join(row) for row in [("image_id", "value", "status"), *rows]) + "\n")
    if replicates is not None:
        lines = [f"{i},{float(value)!r}" for i, value in enumerate(replicates)]
        path.with_name(f"{path.stem}.replicates.csv").write_text("\n".join(["replicate,value", *lines]) + "\n")


class Project:
    """A tiny results folder: four images, methods `identity`, `a`, `b`, `oracle`."""

    def __init__(self, root: Path):
        self.scores, self.degraded, self.target = root / "scores", root / "degraded", root / "out" / "table1.csv"
        self.rows = [RowSpec(method, "orl", "blind") for method in ("identity", "a", "b", "oracle")]
        for i, image_id in enumerate(IDS):
            write_png(self.degraded / "orl" / "blind" / f"00{i // 2}" / f"{image_id}.png", np.full((2, 2, 3), i, np.uint8))
        for method, level in (("identity", 20.0), ("a", 25.0), ("b", 27.0)):
            self.write(method, "psnr", {image_id: level + i for i, image_id in enumerate(IDS)})
        self.write("oracle", "psnr", dict.fromkeys(IDS, INF))
        for method, level in (("identity", 9.0), ("a", 5.0), ("b", 4.0), ("oracle", 3.0)):
            self.write(method, "niqe", {image_id: level - 0.1 * i for i, image_id in enumerate(IDS)})
            self.write(method, "kd_x", {"*": level / 8}, replicates=list(np.linspace(0.0, 1.0, N_BOOT)))

    def write(self, method: str, metric: str, *args, seed: int = 0, **kwargs) -> None:
        write_scores(self.path(method, metric, seed), *args, **kwargs)

    def path(self, method: str, metric: str, seed: int = 0) -> Path:
        return self.scores / "orl" / "blind" / method / str(seed) / f"{metric}.csv"

    def spec(self, **changes) -> TableSpec:
        spec = TableSpec(self.rows, list(CARDS), CARDS, METHODS, "embedded", "embedded", 64, 0, N_BOOT, "cpu")
        return replace(spec, **changes)

    def build(self, **changes) -> Table:
        lq_ids = {(row.dataset, row.degradation): set(IDS) for row in self.rows}
        return build_table(self.spec(**changes), self.scores, lq_ids, "table1")

    def tabulate(self, **weights: Path) -> None:
        tabulate(self.spec(), scores=self.scores, degraded=self.degraded, weights=weights, target=self.target)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# --- bootstrap


def test_the_indices_are_the_datasets_own():
    indices = bootstrap_indices(0, "orl", 7, 5)
    assert indices.shape == (7, 5)
    assert set(np.unique(indices)) <= set(range(5))
    assert np.array_equal(indices, generator(0, "bootstrap", "orl").integers(0, 5, size=(7, 5)))
    assert not np.array_equal(indices, bootstrap_indices(1, "orl", 7, 5))
    assert not np.array_equal(indices, bootstrap_indices(0, "lfw", 7, 5))


def test_a_bootstrap_worked_out_by_hand():
    values = np.array([1.0, 2.0, 6.0])
    indices = np.array([[0, 0, 0], [0, 1, 2], [2, 2, 2], [1, 1, 0]])
    assert resampled_means(values, indices).tolist() == [1.0, 3.0, 6.0, 5.0 / 3.0]
    assert mean_interval(values, indices) == Estimate(3.0, 1.0, 6.0)


def test_the_interval_holds_95_percent_of_the_resamples():
    values = np.arange(1.0, 1001.0)
    indices = np.arange(1000)[:, None]  # resample k is image k alone
    value, low, high = mean_interval(values, indices)
    assert (value, low, high) == (500.5, 25.0, 976.0)
    assert np.mean((values >= low) & (values <= high)) == pytest.approx(0.952)


def test_failed_images_are_left_out_of_every_mean():
    values = np.array([1.0, NAN, 4.0])
    indices = np.array([[0, 1, 1], [1, 2, 2], [0, 2, 1], [1, 1, 1]])
    assert np.array_equal(resampled_means(values, indices), [1.0, 4.0, 2.5, NAN], equal_nan=True)
    assert mean_interval(values, indices) == Estimate(2.5, 1.0, 4.0)
    assert all(math.isnan(part) for part in mean_interval(np.full(3, NAN), indices))


def test_infinite_values_stay_infinite():
    indices = bootstrap_indices(0, "orl", 30, 4)
    assert mean_interval(np.full(4, INF), indices) == Estimate(INF, INF, INF)


def test_two_methods_are_compared_on_the_same_resamples():
    rng = np.random.default_rng(0)
    hard = rng.normal(25.0, 5.0, 60)  # how hard each image is, for both
    a, b = hard + rng.normal(0, 0.1, 60), hard + 1.0 + rng.normal(0, 0.1, 60)
    indices = bootstrap_indices(0, "orl", 400, 60)
    difference = resampled_means(b, indices) - resampled_means(a, indices)
    assert difference == pytest.approx(resampled_means(b - a, indices))
    _, low, high = mean_interval(b - a, indices)
    single = mean_interval(a, indices)
    assert 0 < low <= 1 <= high
    assert (high - low) < 0.1 * (single.high - single.low)


def test_a_set_metrics_replicates_are_moved_onto_its_value():
    replicates = np.array([12.0, 14.0, 16.0, 18.0])  # biased: all above the value
    assert set_interval(10.0, replicates) == Estimate(10.0, 7.0, 13.0)
    assert set_interval(10.0, np.append(replicates, NAN)) == Estimate(10.0, 7.0, 13.0)
    assert set_interval(INF, replicates) == Estimate(INF, INF, INF)
    assert all(math.isnan(part) for part in set_interval(NAN, np.full(4, NAN)))


def test_seeds_are_averaged_image_by_image():
    per_seed = np.array([[1.0, 2.0, NAN, NAN], [3.0, NAN, 5.0, NAN]])
    assert np.array_equal(mean_over_seeds(per_seed), [2.0, 2.0, 5.0, NAN], equal_nan=True)


# --- rows


def test_a_row_is_the_mean_over_images_and_the_interval_of_the_datasets_indices(project: Project):
    values = [20.0, 21.0, 25.0, 40.0]
    project.write("a", "psnr", dict(zip(IDS, values, strict=True)))
    table = project.build()
    assert [row.method for row in table.rows] == ["identity", "a", "b", "oracle"]
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
    for method in ("identity", "a", "b"):
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
    with pytest.raises(UserError, match=r"b/0/psnr\.csv is not about the same images as .*identity.*missing: p2_1; too many: stranger"):
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
    return Row(method, method, method in ("identity", "oracle"), "orl", "blind", 4, 0, (0,), {"m": Estimate(value, value, value)})


def ranked(direction: str, *cells: tuple[str, float]) -> list[str]:
    card = MetricCard("m", "M", direction, "", "image", True, 2, "test", "test")  # pyright: ignore[reportArgumentType]
    return list(marks([row_of(method, value) for method, value in cells], card))


def test_the_direction_decides_who_is_best():
    cells = [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert ranked("higher", *cells) == ["", "second", "best"]
    assert ranked("lower", *cells) == ["best", "second", ""]


def test_controls_are_never_ranked():
    assert ranked("higher", ("identity", 0.0), ("a", 1.0), ("b", 2.0), ("oracle", INF)) == ["", "second", "best", ""]
    assert ranked("lower", ("identity", 0.0), ("a", 1.0), ("b", 2.0), ("oracle", 0.0)) == ["", "best", "second", ""]


def test_one_copy_of_the_truth_wins_no_column(project: Project):
    project.write("a", "psnr", {image_id: INF if image_id == IDS[0] else 20.0 for image_id in IDS})
    table = project.build()
    row = {row.method: row for row in table.rows}
    assert row["a"].estimates["psnr"] == Estimate(20.0, 20.0, 20.0) and row["a"].n_failed == 0
    assert row["a"].remark == "1 image equals the truth, at infinite dB: left out of that mean"
    assert row["oracle"].estimates["psnr"].value == INF and not row["oracle"].remark, "the truth itself stays at infinity"
    assert marks([row["a"], row["b"]], PSNR) == ["second", "best"]
    for text in (to_csv(table), to_markdown(table), to_tex(table), render(table)):
        assert "1 image equals the truth" in " ".join(text.split())
    assert table_from_json(json.loads(json.dumps(table_to_json(table)))) == table
    project.write("a", "psnr", dict.fromkeys(IDS, INF))
    assert project.build().rows[1].estimates["psnr"] == Estimate(INF, INF, INF)


def test_ties_in_print_share_a_mark():
    assert ranked("higher", ("a", 2.001), ("b", 2.004), ("c", 1.0), ("d", 0.999), ("e", 0.5)) == ["best", "best", "second", "second", ""]


def test_nobody_is_best_alone_and_the_unmeasured_dont_compete():
    assert ranked("higher", ("identity", 1.0), ("a", 2.0), ("b", NAN)) == ["", "", ""]
    assert ranked("lower", ("a", NAN), ("b", 2.0), ("c", -INF)) == ["", "second", "best"]


def test_numbers_are_rounded_without_a_negative_zero():
    assert [format_value(v, PSNR) for v in (24.305, -0.001, INF, -1.239)] == [f"{24.305:.2f}", "0.00", "inf", "-1.24"]


# --- files


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


# --- terminal


def many_metrics(project: Project) -> Table:
    table = project.build()
    cards = [replace(PSNR, id=f"psnr{i}", label=f"PSNR number {i}") for i in range(20)]
    rows = [replace(row, estimates={card.id: row.estimates["psnr"] for card in cards}) for row in table.rows]
    return replace(table, metrics=tuple(cards), rows=tuple(rows))


@pytest.mark.parametrize("width", [60, 100, 120])
def test_the_printed_table_fits_and_loses_no_metric(project: Project, width: int):
    text = render(many_metrics(project), width)
    assert max(map(len, text.splitlines())) <= width
    assert [int(number) for line in re.findall(r"^ +(?:\d+ *)+$", text, flags=re.M) for number in line.split()] == list(range(20))
    assert text.count("28.50*") == 20


def test_the_printed_table_shows_marks_failures_and_no_colour(project: Project):
    project.write("a", "niqe", {"p1_1": 1.0, "p1_2": 1.0, "p2_1": 1.0}, {"p10_1": "raised"})
    lines = render(project.build()).splitlines()
    assert next(line for line in lines if line.startswith("A_1")).split() == ["A_1", "&", "co", "4", "1", "26.50°", "1.000*", "0.6250°"]
    assert next(line for line in lines if line.startswith("[Ground")).split() == ["[Ground", "truth]", "4", "0", "inf", "2.850", "0.3750"]
    assert "\033" not in "\n".join(lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_never_changes_the_text(project: Project, monkeypatch: pytest.MonkeyPatch):
    project.tabulate()
    table_json = project.target.with_suffix(".json")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured, silenced = io.StringIO(), Terminal(), Terminal()
    show(table_json, [project.target], plain)
    show(table_json, [project.target], coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    show(table_json, [project.target], silenced)
    assert plain.getvalue() == silenced.getvalue()
    assert "\033[1;32m28.50*\033[0m" in coloured.getvalue()
    assert re.sub(r"\033\[[0-9;]*m", "", coloured.getvalue()) == plain.getvalue()
    assert plain.getvalue().endswith(f"Written:\n  {project.target}\n")


def test_a_methods_card_makes_it_a_control_on_the_page_and_in_the_json(project: Project):
    cards = METHODS | {"a": replace(METHODS["a"], control=True), "oracle": replace(METHODS["oracle"], control=False)}
    table = project.build(method_cards=cards)
    assert [row.control for row in table.rows] == [True, True, False, False]
    assert marks(table.rows, PSNR) == ["", "", "second", "best"]
    again = table_from_json(json.loads(json.dumps(table_to_json(table))))
    assert again == table
    assert "[A_1 & co]" in render(again) and "[Ground truth]" not in render(again)


def test_a_stream_without_arrows_gets_plain_signs(project: Project):
    project.tabulate()
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(project.target.with_suffix(".json"), stream=stream)
    stream.seek(0)
    text = stream.read()
    assert "28.50*" in text
    assert "26.50+" in text


def test_showing_a_table_that_is_not_there_is_explained(tmp_path: Path):
    with pytest.raises(UserError, match=r"No table at .*table1\.json.*snakemake --cores all"):
        show(tmp_path / "table1.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [("method,psnr\n", "is not JSON"), ("[1]", "has no rows"), ('{"rows": []}', "is no table of metrics"), (None, "No table at")],
)
def test_what_is_no_table_of_metrics_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "table6.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_table(path)
