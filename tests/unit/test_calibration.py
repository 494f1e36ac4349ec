"""Published numbers beside ours: read and checked, shown in the csv's last columns and in a block of their own, and nowhere else."""

import csv
import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
import yaml

from clrface.api import MethodCard, MetricCard
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.published import Published, load_published, of_blocks
from clrface.registry import method_cards
from clrface.tables.calibration import calibrations
from clrface.tables.formats import to_csv, to_markdown
from clrface.tables.table import RowSpec, Table, TableSpec, build_table, table_from_json, table_to_json
from clrface.tables.terminal import render

FILE = ROOT / "clrface/catalogue/published.yaml"
CARDS = {
    card.id: card
    for card in (
        MetricCard("psnr_eps", "PSNR", "higher", "dB", "image", True, 2, "test", "test"),
        MetricCard("lmd_fan", "LMD", "lower", "px", "image", True, 3, "test", "test"),
        MetricCard("made_up", "Made up", "lower", "", "image", True, 3, "test", "test"),
    )
}
METHODS = {name: MethodCard(name, name.title(), False) for name in ("codeformer", "clrface")}
BLOCK = ("celeba_test", "gfpgan_lq")


def table(tmp_path: Path, protocol: str) -> Table:
    """Two methods' scores on two images, written by hand, under a protocol's name."""
    values = {
        ("codeformer", "psnr_eps"): 25.4,
        ("clrface", "psnr_eps"): 26.0,
        ("codeformer", "lmd_fan"): 2.5,
        ("clrface", "lmd_fan"): math.nan,
    }
    for method in METHODS:
        for metric in CARDS:
            value = values.get((method, metric), 1.0)
            lines = [
                f"{image_id},,raised" if math.isnan(value) else f"{image_id},{value + delta!r},ok"
                for image_id, delta in (("a", -1), ("b", 1))
            ]
            path = tmp_path.joinpath(*BLOCK, method, "0", f"{metric}.csv")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(["image_id,value,status", *lines]) + "\n")
    published = of_blocks(load_published(FILE).get(protocol, []), [BLOCK], list(CARDS))
    rows = [RowSpec(method, *BLOCK) for method in METHODS]
    spec = TableSpec(rows, list(CARDS), CARDS, METHODS, protocol, "paper", 512, 0, 20, "cpu", published=published)
    return build_table(spec, tmp_path, {BLOCK: {"a", "b"}}, "table1")


def test_the_csv_s_last_columns_are_theirs_and_the_difference(tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO(to_csv(table(tmp_path, "pmrf")))).set_index("method")
    assert list(frame.columns)[-5:] == ["note", "psnr_eps_published", "psnr_eps_difference", "lmd_fan_published", "lmd_fan_difference"]
    assert frame.loc["codeformer", "psnr_eps_published"] == 25.15 and frame.loc["codeformer", "lmd_fan_published"] == 2.470
    assert frame.loc["codeformer", "psnr_eps_difference"] == pytest.approx(25.4 - 25.15)
    assert frame.loc["codeformer", "lmd_fan_difference"] == pytest.approx(2.5 - 2.470)
    assert frame.loc["clrface", "psnr_eps"] == 26.0
    assert frame.loc["clrface", frame.columns[-4:]].isna().all(), "none of CLR-Face's own numbers can be retrieved"


@pytest.mark.parametrize("form", ["markdown", "terminal"])
def test_ours_theirs_and_the_difference_are_read_one_under_the_other(tmp_path: Path, form: str) -> None:
    whole = table(tmp_path, "pmrf")
    text = to_markdown(whole) if form == "markdown" else render(whole)
    lines = [[cell.strip() for cell in line.strip("|").split("|" if form == "markdown" else None)] for line in text.splitlines()]
    start = next(place for place, line in enumerate(lines) if line[:2] == ["CodeFormer", "ours"])
    block = [[cell for cell in line if cell] for line in lines[start : start + 3]]
    assert block == [["CodeFormer", "ours", "25.40", "2.500"], ["published", "25.15", "2.470"], ["difference", "+0.25", "+0.030"]]
    unrun = next(place for place, line in enumerate(lines) if line[:1] == ["PMRF"])
    assert [cell for cell in lines[unrun + 1] if cell] == ["published", "26.37", "2.030"] and "–" in lines[unrun]
    own = next(place for place, line in enumerate(lines) if line[:2] == ["CLR-Face", "ours"])
    assert [cell for cell in lines[own + 1] if cell] == ["published", "–", "–"]
    assert "PMRF (Ohayon et al., ICLR 2025)" in " ".join(text.split()) and "never ranked" in " ".join(text.split())
    assert max(map(len, render(whole, 80).splitlines())) <= 80


def test_another_protocol_or_set_shows_nothing_of_it(tmp_path: Path) -> None:
    plain = table(tmp_path, "vqfr")
    assert plain.published == () and "published" not in table_to_json(plain)
    assert next(csv.reader(io.StringIO(to_csv(plain))))[-1] == "note"
    assert "ublished" not in to_markdown(plain) + render(plain)
    published = load_published(FILE)["pmrf"]
    assert of_blocks(published, [("celeba_test", "daefr_lq")], ["psnr_eps"]) == of_blocks(published, [BLOCK], ["made_up"]) == []


def test_the_json_brings_the_published_numbers_back(tmp_path: Path) -> None:
    whole = table(tmp_path, "pmrf")
    content = json.loads(json.dumps(table_to_json(whole), allow_nan=False))
    again = table_from_json(content)
    assert again.published == whole.published and json.loads(json.dumps(table_to_json(again))) == content
    cards, found = calibrations(whole, *BLOCK)
    assert [card.id for card in cards] == ["psnr_eps", "lmd_fan"] and len(found) == 12
    assert calibrations(whole, "celeba_test", "daefr_lq") == ([], [])


def test_the_file_has_the_rows_that_were_seen() -> None:
    published = load_published(FILE)
    values = {(cell.method, cell.metric): cell.value for cell in published["pmrf"]}
    assert values["bfrffusion", "psnr_eps"] == 26.21 and values["dot", "lmd_fan"] == 2.876
    assert values["pmrf", "psnr_eps"] == 26.37 and values["difface", "fid_ffhq70k"] == 38.43 and values["vqfr", "deg_arcface_r18"] == 44.38
    assert values["pmrf", "kid_ffhq70k"] == 0.0257 and values["dot", "precision_ffhq70k"] == 0.16
    assert len(published["pmrf"]) == 12 * 9 and len(published["osdface"]) == 8 * 8 + 3 * 8
    lpips = next(cell for cell in published["osdface"] if (cell.method, cell.metric) == ("daefr", "lpips_vgg"))
    assert lpips.value == 0.3580 and lpips.source.endswith("(it doesn't say, assumed: LPIPS on VGG)")
    assert {cell.value for cell in published["pmrf"] if cell.method == "clrface"} == {None}
    known = method_cards()
    named = {cell.method: cell.label for cell in published["pmrf"] if cell.method in known}
    assert named == {name: known[name].label for name in named} and {"codeformer", "vqfr", "difface", "clrface"} <= named.keys()


def test_metrics_of_a_protocol_that_is_here_are_its_own() -> None:
    protocols = yaml.safe_load((ROOT / "clrface/catalogue/protocols.yaml").read_text())
    for name, cells in load_published(FILE).items():
        if name in protocols:
            reference = {"fid_ffhq70k", "kid_ffhq70k", "precision_ffhq70k"}  # its features are nowhere to be had
            unmade = reference if name == "pmrf" else set()
            assert {cell.metric for cell in cells} - unmade <= set(protocols[name]["metrics"]), name


def test_mistakes_in_the_file_are_told_by_their_place(tmp_path: Path) -> None:
    entry = {"source": "s", "protocol": "p", "about": "a", "dataset": "d", "degradation": "r", "metrics": ["psnr_eps", "ssim"]}

    def told(content: dict) -> str:
        (tmp_path / "published.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        with pytest.raises(UserError) as error:
            load_published(tmp_path / "published.yaml")
        return str(error.value)

    short = told({"one": entry | {"rows": {"unet": {"label": "U", "values": [1.0]}}}})
    assert "one.rows.unet.values: found 1 values, expected 2" in short
    row = {"unet": {"label": "U", "values": [1.0, None]}}
    assert "two.rows.unet: one has 'psnr_eps' of this method too" in told({"one": entry | {"rows": row}, "two": entry | {"rows": row}})
    assert "found 'mse', which isn't among the entry's metrics" in told({"one": entry | {"rows": row, "assumed": {"mse": "what"}}})
    assert "one.prtocol: unknown key" in told({"one": {**{k: v for k, v in entry.items() if k != "protocol"}, "prtocol": "p", "rows": row}})
    (tmp_path / "published.yaml").write_text(yaml.safe_dump({"one": entry | {"rows": row}}))
    assert load_published(tmp_path / "published.yaml")["p"][1] == Published("unet", "U", "d", "r", "ssim", None, "s")
