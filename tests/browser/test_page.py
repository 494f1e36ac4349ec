"""The report in a real Chromium: it sorts, slides, stays inside a phone's width, and asks nobody for anything."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from clrface.api import MethodCard
from clrface.cli import main
from clrface.images import write_png
from clrface.metrics.registry import metric_cards
from clrface.tables.provenance import PACKAGES
from clrface.tables.table import RowSpec, TableSpec
from clrface.tables.tabulate import tabulate

HOSTILE = "<img src=x onerror=alert(1)> & “Co”"
METHODS = {
    "input": ("Input", 3.0),
    "ground_truth": ("Ground truth", 0.0),
    "unet": (HOSTILE, 2.0),
    "needy": ("Needy", 1.5),
    "clrface": ("CLR-Face", 1.0),
}
METRICS = ("psnr", "idd_dlib", "niqe")
FAILED = "face not found & lost"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
CLAIMS = [
    {
        "claim": "Keeps the person <b>better</b>",
        "verdict": "supported",
        "why": "The interval is below 0.",
        "method": "clrface",
        "rival": "unet",
        "metric": "idd_dlib",
        "difference": -0.0312,
        "low": -0.05,
        "high": -0.01,
        "p": 0.004,
        "n": 12,
    },
    {"text": "Faster", "verdict": "not measured"},
]
COST = {
    "method": "clrface",
    "label": "CLR-Face",
    "parameters": 26_740_000,
    "macs": 12.5e9,
    "evaluations": 8,
    "seconds": 0.25,
    "seconds_lo": 0.2,
    "seconds_hi": 0.3,
    "peak_bytes": 2**29,
    "training_steps": 22_620,
    "training_images": 275_360,
    "training_processor_s": 13_200.0,
}


# ---- a run to report


@dataclass(frozen=True)
class Run:
    """The folders of a small run, as the workflow fills them."""

    root: Path
    extras: list[str] = field(default_factory=list)

    def write_page(self, name: str = "report.html") -> Path:
        target = self.root / name
        spec = {"chunks": {"orl": ["000"]}, "same_as": {"@input": "input", "@truth": "ground_truth"}}
        places = ["--results", str(self.root / "results"), "--data", str(self.root / "data")]
        table = str(self.root / "results" / "table1.json")
        assert main(["report", "--tables", table, "--spec", json.dumps(spec), *self.extras, *places, "--out", str(target)]) == 0
        return target


@pytest.fixture(scope="module")
def run(orl_faces: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Twelve faces, blurred by each method to its own width. Needy ran on none of them; on one, the U-Net failed."""
    root = tmp_path_factory.mktemp("run")
    results, data = root / "results", root / "data"
    for method, (_, sigma) in METHODS.items():
        _write_method(results, method, sigma, orl_faces)
    for image_id, face in orl_faces.items():
        write_png(data / "aligned/orl/000" / f"{image_id}.png", face)
        write_png(data / "degraded/orl/blind/000" / f"{image_id}.png", _blurred(face, 3.0))
    _write(results / "benchmarks/restore/orl.blind.clrface.0.000.tsv", "s\th:m:s\n7.25\t0:00:07\n")
    _write(results / "claims.json", json.dumps(CLAIMS))
    _write(results / "table6.json", json.dumps({"about": {"images": "4 of orl"}, "processor": "a processor", "rows": [COST]}))
    cards = {name: MethodCard(name, label, False, control=name in ("input", "ground_truth")) for name, (label, _) in METHODS.items()}
    rows = [RowSpec(method, "orl", "blind") for method in METHODS]
    spec = TableSpec(rows, METRICS, metric_cards(), cards, "embedded", "embedded", 64, 0, 50, "cpu", {"orl": {"identities": 6}})
    places = {"scores": results / "scores", "degraded": data / "degraded"}
    tabulate(spec, **places, weights={}, target=results / "table1.csv", chunks={"orl": ["000"]})
    return Run(root, ["--claims", str(results / "claims.json"), "--costs", str(results / "table6.json")])


def _write_method(results: Path, method: str, sigma: float, faces: dict[str, np.ndarray]) -> None:
    chunk = results / "restored/orl/blind" / method / "0" / "000"
    failed = list(faces) if method == "needy" else [min(faces)] if method == "unet" else []
    reason = "not run: needs a CUDA device" if method == "needy" else FAILED
    for image_id, face in faces.items():
        if image_id not in failed:
            write_png(chunk / f"{image_id}.png", _blurred(face, sigma))
    _write(chunk / "status.csv", "image_id,status\n" + "".join(f"{one},{reason if one in failed else 'ok'}\n" for one in faces))
    for metric in METRICS:
        better = -1 if metric == "psnr" else 1
        values = {one: 20 + better * sigma + 0.01 * place for place, one in enumerate(sorted(faces))}
        lines = [f"{one},,{reason}" if one in failed else f"{one},{value!r},ok" for one, value in values.items()]
        path = results / "scores/orl/blind" / method / "0" / f"{metric}.csv"
        _write(path, "\n".join(["image_id,value,status", *lines]) + "\n")


def _blurred(face: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(face, (0, 0), sigma) if sigma else face


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# ---- a browser to see it


@dataclass
class Seen:
    """A page, and everything that it said or asked for."""

    page: Page
    said: list[str]
    asked: list[str]

    def only(self, selector: str) -> Locator:
        return self.page.locator(selector).first


def open_page(context: BrowserContext, path: Path) -> Seen:
    page = context.new_page()
    seen = Seen(page, [], [])
    page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("dialog", lambda dialog: (seen.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(path.as_uri())
    return seen


@pytest.fixture(scope="module")
def page_path(run: Run) -> Path:
    return run.write_page()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def seen(request: pytest.FixtureRequest, browser: Browser, page_path: Path) -> Iterator[Seen]:
    """The page, on a desktop and on a phone, offline. Whatever a test did: nothing was said on the console, nothing was fetched."""
    context = browser.new_context(viewport=request.param, offline=True, has_touch=request.param == PHONE)
    seen = open_page(context, page_path)
    yield seen
    context.close()
    assert seen.said == []
    assert [url for url in seen.asked if not url.startswith("data:")] == [page_path.as_uri()]


def order(seen: Seen) -> list[str]:
    """The methods of the first table, as they stand."""
    texts = seen.only("table.sortable").locator("tbody th").all_inner_texts()
    return [next(name for name, (label, _) in METHODS.items() if text.startswith(label)) for text in texts]


# ---- what it does


def test_a_click_sorts_best_first_then_worst_first_and_the_unmeasured_stay_last(seen: Seen) -> None:
    assert order(seen) == list(METHODS)
    for label, state, back in (("PSNR", "descending", "ascending"), ("IDD", "ascending", "descending")):
        heading = seen.only(f"table.sortable th:has-text('{label}')")
        heading.get_by_role("button").click()
        assert order(seen) == ["ground_truth", "clrface", "unet", "input", "needy"]
        expect(heading).to_have_attribute("aria-sort", state)
        heading.get_by_role("button").click()
        assert order(seen) == ["input", "unet", "clrface", "ground_truth", "needy"]
        expect(heading).to_have_attribute("aria-sort", back)
    assert seen.page.locator("table.sortable").first.locator("th[aria-sort]:not([aria-sort=none])").count() == 1


def test_the_keyboard_sorts(seen: Seen) -> None:
    button = seen.only("table.sortable th button")
    button.focus()
    seen.page.keyboard.press("Enter")
    assert order(seen)[0] == "unet", "'<' comes first"
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Space")
    assert order(seen)[0] == "ground_truth"
    expect(seen.only("#said")).to_have_text(re.compile("Sorted by PSNR.*descending"))


def shown_from(seen: Seen) -> float:
    """Where the image on top begins, in per cent of the width, as the browser computed it."""
    clip = seen.only(".stage img.over").evaluate("img => getComputedStyle(img).clipPath")
    found = re.search(r"([\d.]+)%\)$", clip)
    assert found, clip
    return float(found.group(1))


def test_the_keyboard_slides(seen: Seen) -> None:
    slider = seen.only(".stage input[type=range]")
    assert shown_from(seen) == 50
    slider.focus()
    for key, place in (("ArrowRight", 51), ("ArrowLeft", 50), ("Home", 0), ("End", 100)):
        seen.page.keyboard.press(key)
        assert shown_from(seen) == place
        expect(slider).to_have_attribute("aria-valuetext", f"{place} % Input, {100 - place} % CLR-Face")


def test_a_pointer_slides(seen: Seen) -> None:
    stage = seen.only(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box
    seen.page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    assert shown_from(seen) == pytest.approx(20, abs=1)


def test_methods_and_faces_are_chosen_and_measured(seen: Seen, orl_faces: dict[str, np.ndarray]) -> None:
    over, after = seen.only("img.over"), seen.only("select[data-side=after]")
    first = over.get_attribute("src")
    after.select_option("@truth")
    assert over.get_attribute("src") != first
    expect(over).to_have_attribute("alt", re.compile("^Ground truth, face "))
    face = seen.only(".thumbs input:checked")
    before = face.get_attribute("value")
    face.focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.only(".thumbs input:checked").get_attribute("value") != before
    after.select_option("clrface")
    cells = seen.only(".face tbody tr").locator("td").all_inner_texts()
    assert float(cells[1]) - float(cells[0]) == pytest.approx(2), "PSNR of the input and of CLR-Face"
    expect(seen.only(".face tbody tr td[data-of=after]")).to_have_class("ahead")


def test_each_metric_is_defined_below_its_table(seen: Seen) -> None:
    seen.only("text=What each metric is").click()
    for metric in METRICS:
        expect(seen.page.get_by_text(metric_cards()[metric].definition)).to_be_visible()


def test_a_failure_is_told_not_hidden(seen: Seen) -> None:
    seen.only("select[data-side=after]").select_option("needy")
    expect(seen.only(".stage img.over")).to_be_hidden()
    expect(seen.only(".stage .reason.over")).to_have_text("Needy: not run: needs a CUDA device")
    expect(seen.page.get_by_text("12 without a value")).to_be_visible()


def test_every_image_is_there_and_has_a_text(seen: Seen) -> None:
    images = seen.page.locator("img:visible")
    assert images.count() > 12
    broken = images.evaluate_all("all => all.filter(img => !img.complete || !img.naturalWidth || !img.hasAttribute('alt')).length")
    assert broken == 0
    assert seen.page.locator("details:not([open]) img").count() > 0


def test_worst_and_best_are_the_extremes(seen: Seen, orl_faces: dict[str, np.ndarray]) -> None:
    """Every method's values rise with the place of the id; IDD is better low."""
    captions = seen.page.locator("details[open] .case figcaption").all_inner_texts()
    faces = sorted(orl_faces)
    told = [re.search(r"^(Worst|Next worst|Best|Next best) (\S+):", caption) for caption in captions]
    assert [one.groups() for one in told if one] == [
        ("Worst", faces[-1]),
        ("Next worst", faces[-2]),
        ("Best", faces[0]),
        ("Next best", faces[1]),
    ]


def test_nothing_is_wider_than_the_screen(seen: Seen) -> None:
    for element in seen.page.locator("details").all():
        element.evaluate("details => { details.open = true }")
    wide, screen = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= screen
    region = seen.only(".scroller")
    expect(region).to_have_attribute("tabindex", "0")


def test_a_label_is_text_and_claims_costs_and_provenance_are_told(seen: Seen) -> None:
    expect(seen.page.locator("tbody th").filter(has_text=HOSTILE).first).to_be_visible()
    assert seen.page.locator("[onerror]").count() == 0
    claims = seen.page.locator(".claims tbody tr")
    assert claims.count() == 2
    expect(claims.first).to_contain_text("Keeps the person <b>better</b>")
    expect(claims.first).to_contain_text("−0.0312 [−0.05, −0.01]")
    expect(seen.page.get_by_role("group", name="Costs")).to_contain_text("250.0")
    records = seen.page.locator("details").filter(has_text="results/restored/orl/blind/clrface/0")
    assert "7.2 s" in (records.first.text_content() or "")
    whole = seen.only("section:has(#provenance)").text_content() or ""
    assert all(package in whole for package in PACKAGES)
    assert len(set(re.findall(r"\b[0-9a-f]{64}\b", whole))) > 10


def test_headings_descend_one_by_one_and_every_control_has_a_name(seen: Seen) -> None:
    levels = [int(name[1]) for name in seen.page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => one.tagName)")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert seen.page.evaluate("document.documentElement.lang") == "en"
    tree = seen.page.locator("body").aria_snapshot()
    nameless = [
        line for line in tree.splitlines() if re.search(r"- (button|slider|combobox|radio|checkbox|img|region|table)( \[|:|$)", line)
    ]
    assert nameless == []
    links = seen.page.locator("a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert all(seen.page.locator(link).count() == 1 for link in links)


def test_focus_can_be_seen_wherever_the_keyboard_goes(seen: Seen) -> None:
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        outlined = seen.page.evaluate(
            "() => { const at = document.activeElement; if (at === document.body) return true;"
            " return [at, at.closest('.stage'), at.closest('label')].some(one => one && getComputedStyle(one).outlineStyle === 'solid'); }"
        )
        assert outlined, seen.page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_it_stands_on(browser: Browser, page_path: Path, scheme: str) -> None:
    """WCAG's contrast of the page's own colours, as the browser resolved them: 4.5 at least."""
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme, offline=True)
    seen = open_page(context, page_path)
    names = ("paper", "sheet", "soft", "best", "ink", "quiet", "accent", "good", "bad", "focus")
    style = seen.page.evaluate(
        "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim())", names
    )
    colours = dict(zip(names, map(_luminance, style), strict=True))
    pairs = [("ink", on) for on in ("paper", "sheet", "soft", "best")] + [("quiet", on) for on in ("paper", "sheet", "soft")]
    pairs += [(text, "sheet") for text in ("accent", "good", "bad", "focus")] + [("accent", "paper"), ("focus", "paper")]
    low = {pair: round(_contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
    assert {pair: value for pair, value in low.items() if value < 4.5} == {}
    assert seen.said == []
    context.close()


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
