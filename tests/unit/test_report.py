"""What the report's page is made of: plots, images, cases, records, claims. How it looks and works: tests/browser."""

import base64
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import write_png
from clrface.report.faces import INPUT, LEAST_FACES, TRUTH, SetSpec, case_metric, cases, face_sets, sampled
from clrface.report.gallery import Gallery, data_uri
from clrface.report.intervals import LEFT, RIGHT, interval_plot, nice_ticks
from clrface.report.page import PageSpec, _short, read_claims, write_page
from clrface.report.records import Places, records, run_seconds
from clrface.stats.bootstrap import UNMEASURED, Estimate
from clrface.tables.formats import to_json
from clrface.tables.provenance import lq_checksum, lq_images
from clrface.tables.table import Row, Table, table_to_json

PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "test")
IDD = MetricCard("idd_dlib", "IDD", "lower", "", "image", True, 4, "test", "test")
IDS = ["s1_1", "s2_1", "s10_1", "s11_1"]


def row(method: str, *, control: bool = False, **estimates: Estimate) -> Row:
    return Row(method, method.upper(), control, "orl", "blind", 4, 0, (0,), estimates)


def table(*rows: Row) -> Table:
    return Table("table1", "embedded", 64, 50, (PSNR, IDD), rows)


A = {"psnr": Estimate(25.0, 24.0, 26.0), "idd_dlib": Estimate(0.5, 0.4, 0.6)}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Four faces; `a` gets each worse than the one before, and failed on the last."""
    places = Places(tmp_path / "results", tmp_path / "data")
    for i, image_id in enumerate(IDS):
        for folder in (places.aligned("orl"), places.degraded("orl", "blind"), places.restored("orl", "blind", "a", 0)):
            if image_id != IDS[-1] or "restored" not in str(folder):
                write_png(folder / "000" / f"{image_id}.png", np.full((8, 8, 3), 40 * i, np.uint8))
    status = places.restored("orl", "blind", "a", 0) / "000" / "status.csv"
    status.write_text(f"image_id,status\n{IDS[-1]},lost\n")
    for method in ("a", "input"):
        for metric in ("psnr", "idd_dlib"):
            path = places.scores("orl", "blind", method, 0, metric)
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{image_id},{0.1 * (i + 1)!r},ok" for i, image_id in enumerate(IDS[:-1])]
            path.write_text("\n".join(["image_id,value,status", *lines, f"{IDS[-1]},,lost"]) + "\n")
    return places


# ---- plots


def test_dots_and_whiskers_stand_to_scale_inside_the_axis() -> None:
    plot = interval_plot([row("a", psnr=Estimate(20.0, 10.0, 30.0)), row("b", psnr=Estimate(25.0, 25.0, 25.0))], PSNR)
    assert plot
    a, b = plot.lines
    assert a.x is not None and b.x is not None and LEFT < a.low < a.x < a.high < RIGHT
    assert (b.x - a.x) / (a.high - a.x) == pytest.approx(0.5, abs=1e-3)
    assert (a.mark, b.mark) == ("second", "best")
    assert all(LEFT <= x <= RIGHT for x, _ in plot.ticks)


def test_a_control_far_away_is_an_arrow_and_the_unmeasured_has_no_dot() -> None:
    infinite = Estimate(math.inf, math.inf, math.inf)
    rows = [row("truth", control=True, psnr=infinite), row("a", psnr=Estimate(20.0, 19.0, 21.0)), row("b", psnr=UNMEASURED)]
    plot = interval_plot(rows, PSNR)
    assert plot
    truth, _, b = plot.lines
    assert (truth.beyond, truth.x, truth.text) == ("right", RIGHT, "inf")
    assert (b.x, b.beyond, b.text) == (None, "", "–")
    assert interval_plot([row("b", psnr=UNMEASURED)], PSNR) is None


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 1.0, ["0.0", "0.5", "1.0"]),
        (18.39, 18.92, ["18.4", "18.6", "18.8"]),
        (40.0, 120.0, ["40", "60", "80", "100", "120"]),
        (-0.031, 0.012, ["-0.02", "0.00"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in nice_ticks(low, high)] == texts


# ---- images


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_small_image_keeps_every_pixel_and_a_large_one_its_looks() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(decoded(data_uri(noise, 384))), noise)
    grey = noise[..., :1].repeat(3, axis=-1)
    assert np.array_equal(np.asarray(decoded(data_uri(grey, 384)).convert("RGB")), grey)
    smooth = np.linspace(0, 255, 512).astype(np.uint8)[None, :, None].repeat(512, axis=0).repeat(3, axis=2)
    small = decoded(data_uri(smooth, 256))
    assert small.format == "JPEG" and small.size == (256, 256)
    assert np.abs(np.asarray(small, float) - smooth[::2, ::2]).max() < 6


def test_many_large_images_are_reduced_and_each_is_kept_once(tmp_path: Path) -> None:
    write_png(tmp_path / "000" / "a.png", np.zeros((512, 512, 3), np.uint8))
    gallery = Gallery()
    gallery.add("one", tmp_path, ["a", "a"], ["000"])
    assert decoded(gallery.data_uris()["one/a"]).width == 384
    for i in range(400):
        gallery.add(f"set{i}", tmp_path, ["a"], ["000"])
    uris = gallery.data_uris()
    assert len(uris) == 401 and decoded(uris["one/a"]).width == 192


# ---- faces


def test_best_and_worst_are_by_identity_without_the_failed(places: Places) -> None:
    tables = [table(row("input", control=True, **A), row("a", **A))]
    [one] = face_sets(tables, places, SetSpec({"orl": ["000"]}, {INPUT: "input", TRUTH: "ground_truth"}))
    assert list(one.columns) == [INPUT, "a", TRUTH] and one.image_ids == IDS and one.chosen == "a"
    card = case_metric(one)
    assert card == IDD
    gallery = Gallery()
    [found] = cases(one, card, gallery, 1)
    assert (found.best, found.worst, found.failed, found.median) == (["s1_1"], ["s10_1"], 1, "0.2000")
    assert set(gallery.data_uris()) == {f"orl/blind/{column}/{face}" for column in one.columns for face in ("s1_1", "s10_1")}
    assert one.text(INPUT, IDD, "s2_1") == "0.2000" and one.text("a", IDD, "s11_1") == ""


def test_a_failed_image_has_its_reason_and_a_set_is_shown_once(places: Places) -> None:
    tables = [table(row("a", **A)), table(row("a", **A))]
    [one] = face_sets(tables, places, SetSpec({"orl": ["000"]}))
    gallery = Gallery()
    assert sampled(one, gallery, 1) == IDS
    assert gallery.reasons == {"orl/blind/a/s11_1": "lost"}
    assert len(sampled(one, Gallery(), 40)) == LEAST_FACES < len(IDS), "many sets show fewer faces each"


def test_a_set_without_truth_shows_none(places: Places) -> None:
    [one] = face_sets([table(row("a", **A))], places, SetSpec({"orl": ["000"]}, without_truth=["orl"]))
    assert list(one.columns) == [INPUT, "a"] and one.thumbnail == INPUT


def test_tables_of_other_metrics_add_to_a_set(places: Places) -> None:
    other = Table("table4", "recognition", 64, 50, (), (row("a"), row("b")))
    [one] = face_sets([table(row("a", **A)), other], places, SetSpec({"orl": ["000"]}))
    assert list(one.columns) == [INPUT, "a", "b", TRUTH] and set(one.scores["a"]) == {"psnr", "idd_dlib"}


# ---- records and claims


def test_every_file_has_its_checksum_and_its_run_time(places: Places) -> None:
    write_tables(places)
    benchmarks = places.results / "benchmarks" / "restore"
    benchmarks.mkdir(parents=True)
    for chunk, seconds in (("000", 1.5), ("001", 2.0)):
        (benchmarks / f"orl.blind.a.0.{chunk}.tsv").write_text(f"s\th:m:s\n{seconds}\t0:00:01\n")
    found = records([table(row("a", **A))], places, {"orl": ["000", "001"]})
    [restored] = found["Restored faces"]
    assert (restored.images, restored.seconds) == (3, 3.5)
    assert restored.sha256 == lq_checksum(lq_images(places.restored("orl", "blind", "a", 0)))
    assert found["Scores"][0].sha256 == sha256_file(places.scores("orl", "blind", "a", 0, "psnr"))
    assert found["Degraded faces"][0].seconds is None and len(found["Scores"]) == 2
    assert run_seconds(places.results / "benchmarks", []) is None


@pytest.mark.parametrize(
    "content",
    [
        [{"text": "it holds", "method": "a", "rival": "b", "p": 0.01, "difference": -0.5, "low": -1.0, "high": -0.25}],
        {
            "claims": [
                {
                    "claim": "short_name",
                    "says": "it holds",
                    "first": "a",
                    "second": "b",
                    "p": 0.002,
                    "p_holm": 0.01,
                    "difference": -0.5,
                    "difference_lo": -1.0,
                    "difference_hi": -0.25,
                    "effect": None,
                    "n": 0,
                }
            ]
        },
    ],
)
def test_claims_are_a_list_or_under_their_key(tmp_path: Path, content: object) -> None:
    path = tmp_path / "claims.json"
    path.write_text(json.dumps(content))
    [claim] = read_claims(path)
    assert (claim.text, claim.compared, claim.p.value, claim.n.text, claim.effect.text) == ("it holds", "a against b", 0.01, "–", "–")
    assert (claim.difference.text, claim.difference.interval) == ("−0.5", "[−1, −0.25]")


@pytest.mark.parametrize(("text", "message"), [('{"a": 1}', "holds no claims"), ("[1]", "holds no claims"), ("{", "is no JSON")])
def test_what_is_no_list_of_claims_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "claims.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_claims(path)
    with pytest.raises(UserError, match="No claims at"):
        read_claims(tmp_path / "none.json")


# ---- the page


def write_tables(places: Places) -> Path:
    content = table_to_json(table(row("a", **A))) | {
        "preset": "embedded",
        "resolution": 8,
        "base_seed": 0,
        "device": "cpu",
        "datasets": {"orl": {"images": 4}},
        "code": {"commit": None, "dirty": None},
        "environment": {"python": "3", "platform": "x", "packages": {"torch": None}},
        "lq_sets": {"orl/blind": {"images": 4, "sha256": "0" * 64}},
        "weights": {},
    }
    path = places.results / "table1.json"
    path.write_text(to_json(content))
    return path


def test_equal_inputs_give_an_equal_page_that_names_nobody_outside(places: Places, tmp_path: Path) -> None:
    spec = PageSpec([write_tables(places)], SetSpec({"orl": ["000"]}), places=places)
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        write_page(spec, page)
    text = pages[0].read_text(encoding="utf-8")
    assert text == pages[1].read_text(encoding="utf-8")
    assert not re.search(r"https?:|//cdn|@import|url\(", text)
    assert text.startswith("<!doctype html>")


def test_a_missing_table_is_named(places: Places, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No table at .*none\.json"):
        write_page(PageSpec([tmp_path / "none.json"], SetSpec({}), places=places), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_long_label_keeps_what_tells_it_from_the_others() -> None:
    assert _short("CLR-Face") == "CLR-Face"
    differ = ("guidance none", "start noise, steps 16", "guidance recognition_free, guidance_scale 0.2")
    assert [_short(f"CLR-Face ({what})") for what in differ] == ["guidance none", "start noise, steps…", "guidance recogniti…"]
