"""Figures: the sample sheet, whose cells show images' own pixels; failure cases; the chart; and how all of them are saved."""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.images import read_rgb, write_png
from clrface.report.chart import axis_ends, competing_metrics, heights, table_chart
from clrface.report.faces import INPUT, TRUTH, SetSpec, face_sets
from clrface.report.failures import failure_sheet, worst_faces
from clrface.report.figure import OURS, looks, save
from clrface.report.records import Places
from clrface.report.samples import SampleSet, sample_sheet, spread, zoom
from clrface.stats.bootstrap import Estimate
from clrface.tables.table import Row, Table

Faces = dict[str, np.ndarray]


@pytest.fixture
def shown(orl_faces: Faces) -> Faces:
    """Three faces, the first three ids."""
    return {image_id: orl_faces[image_id] for image_id in sorted(orl_faces)[:3]}


@pytest.fixture
def columns(shown: Faces, tmp_path: Path) -> dict[str, Path]:
    """The faces, blurred by three widths and sharp, as folders of chunks."""
    folders = {
        "Degraded input": tmp_path / "lq",
        "U-Net": tmp_path / "unet",
        "CLR-Face": tmp_path / "clrface",
        "Ground truth": tmp_path / "hq",
    }
    for sigma, folder in zip((3.0, 2.0, 1.0, 0.0), folders.values(), strict=True):
        for i, (image_id, face) in enumerate(shown.items()):
            write_png(folder / f"00{i % 2}" / f"{image_id}.png", cv2.GaussianBlur(face, (0, 0), sigma) if sigma else face)
    return folders


def doubled(rgb: np.ndarray) -> np.ndarray:
    return rgb.repeat(2, axis=0).repeat(2, axis=1)


def find(sheet: np.ndarray, part: np.ndarray) -> tuple[int, int]:
    """(x, y) of the one place where `part` lies in `sheet`, to the last bit."""
    match = cv2.matchTemplate(sheet.astype(np.float32), part.astype(np.float32), cv2.TM_SQDIFF)
    _, _, (x, y), _ = cv2.minMaxLoc(match)
    assert np.array_equal(sheet[y : y + part.shape[0], x : x + part.shape[1]], part)
    return x, y


def test_each_cell_holds_its_images_pixels(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    target = tmp_path / "figures" / "sheet.png"
    sample_sheet([SampleSet("table1 · orl · blind", list(shown), columns)], target)
    sheet = read_rgb(target)
    places = [
        [find(sheet, doubled(read_rgb(folder / f"00{i % 2}" / f"{image_id}.png"))) for folder in columns.values()]
        for i, image_id in enumerate(shown)
    ]
    xs = [[x for x, _ in row] for row in places]
    ys = [{y for _, y in row} for row in places]
    assert xs[0] == xs[1] == xs[2]
    assert all(b - a >= 128 for a, b in pairwise(xs[0]))
    assert [len(row) for row in ys] == [1, 1, 1]
    assert all(min(b) - min(a) >= 128 for a, b in pairwise(ys))
    above = sheet[: min(ys[0]), xs[0][0] :]
    left = sheet[min(ys[0]) :, : xs[0][0]]
    for column in xs[0]:
        assert above[:, column - xs[0][0] : column - xs[0][0] + 128].min() < 100, "a label stands above each column"
    assert left[:128].min() < 200, "the image id stands at the left"


@pytest.mark.parametrize("status_file", ["status.csv", "index.csv"])
def test_a_failed_image_is_an_empty_cell(shown: Faces, columns: dict[str, Path], tmp_path: Path, status_file: str):
    failed, *rest = shown
    good = tmp_path / "good.png"
    sample_sheet([SampleSet("orl", list(shown), columns)], good)
    face = read_rgb(columns["CLR-Face"] / "000" / f"{failed}.png")
    x, y = find(read_rgb(good), doubled(face))
    (columns["CLR-Face"] / "000" / f"{failed}.png").unlink()
    (columns["CLR-Face"] / "000" / status_file).write_text(f"image_id,status\n{failed},the restorer raised\n{rest[1]},ok\n")
    target = tmp_path / "sheet.png"
    sample_sheet([SampleSet("orl", list(shown), columns)], target)
    before, after = read_rgb(good), read_rgb(target)
    cell = after[y : y + 128, x : x + 128]
    assert np.median(cell) == 239
    assert cell.min() < 150, "the reason is written in it"
    changed = np.argwhere((before != after).any(axis=-1))
    assert changed.min(axis=0).tolist() >= [y, x]
    assert (changed.max(axis=0) < [y + 128, x + 128]).all()


def test_a_missing_image_without_a_reason_is_named(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    image_id = next(iter(shown))
    (columns["U-Net"] / "000" / f"{image_id}.png").unlink()
    with pytest.raises(UserError, match=f"No image '{image_id}' under .*unet"):
        sample_sheet([SampleSet("orl", [image_id], columns)], tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_images_of_two_sizes_are_refused(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    image_id = next(iter(shown))
    write_png(columns["U-Net"] / "000" / f"{image_id}.png", cv2.resize(shown[image_id], (128, 128)))
    with pytest.raises(UserError, match=r"64x64 \('Degraded input'\), 128x128 \('U-Net'\)"):
        sample_sheet([SampleSet("orl", [image_id], columns)], tmp_path / "sheet.png")


@pytest.mark.parametrize("count", [2, 15])
def test_few_and_many_methods_fit_side_by_side(shown: Faces, columns: dict[str, Path], tmp_path: Path, count: int):
    many = {f"a method with a long label, {i}": columns["U-Net"] for i in range(count)}
    target = tmp_path / "sheet.png"
    sample_sheet([SampleSet("orl", list(shown), {"Input": columns["Degraded input"], **many})], target)
    sheet = read_rgb(target)
    first = doubled(read_rgb(columns["U-Net"] / "000" / f"{next(iter(shown))}.png")).astype(np.float32)
    same = cv2.matchTemplate(sheet.astype(np.float32), first, cv2.TM_CCORR_NORMED) > 0.99999
    assert np.count_nonzero(same) == count


def test_test_sets_stand_one_under_another(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    target = tmp_path / "sheet.png"
    first, _, last = shown
    without_truth = {label: folder for label, folder in columns.items() if label != "Ground truth"}
    sample_sheet([SampleSet("orl · blind", [first], columns), SampleSet("mine", [last], without_truth)], target)
    sheet = read_rgb(target)
    (x1, y1), (x2, y2) = (find(sheet, doubled(read_rgb(columns["CLR-Face"] / "000" / f"{image_id}.png"))) for image_id in (first, last))
    assert x1 == x2
    assert y2 > y1 + 128


def test_the_same_sheet_has_the_same_bytes(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    for name in ("a.png", "b.png"):
        sample_sheet([SampleSet("orl", list(shown), columns)], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_the_pdf_holds_every_image_and_letters(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    sample_sheet([SampleSet("orl", list(shown), columns)], tmp_path / "a.png")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.count(b"/Subtype /Image") == len(shown) * len(columns) and b"/FontFile2" in content
    assert b"/DCTDecode" not in content, "no image is compressed with loss"


def test_a_box_zooms_into_part_of_every_face(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    target = tmp_path / "eyes.png"
    sample_sheet([SampleSet("eyes", list(shown), columns)], target, box=(0.25, 0.25, 0.75, 0.5))
    face = read_rgb(columns["Ground truth"] / "000" / f"{next(iter(shown))}.png")
    find(read_rgb(target), face[16:32, 16:48].repeat(4, axis=0).repeat(4, axis=1))


def test_zoom_keeps_large_images_readable_and_refuses_an_empty_box(shown: Faces):
    face = next(iter(shown.values()))
    large = face.repeat(8, axis=0).repeat(8, axis=1)
    assert np.array_equal(np.asarray(zoom(large)), face.repeat(4, axis=0).repeat(4, axis=1))
    assert zoom(face.repeat(3, axis=0).repeat(3, axis=1)).size == (192, 192)
    with pytest.raises(UserError, match="holds no pixel"):
        zoom(face, (0.5, 0.5, 0.5, 0.9))
    with pytest.raises(UserError, match="holds no pixel"):
        zoom(face, (0.5, 0.5, 1.5, 0.9))


def test_the_faces_shown_are_evenly_spaced():
    ids = [f"s{person}_{k}" for person in range(1, 41) for k in (1, 2, 3)]
    places = [ids.index(image_id) for image_id in spread(ids)]
    assert places == [10, 30, 50, 70, 90, 110]
    assert spread(ids[:2], 6) == ids[:2]
    assert spread([], 6) == []


def test_a_note_stands_under_its_cell_and_a_frame_around_it(shown: Faces, columns: dict[str, Path], tmp_path: Path):
    first = next(iter(shown))
    place = ("CLR-Face", first)
    sample_sheet([SampleSet("orl", list(shown), columns, notes={place: "0.1234"}, framed=[place])], tmp_path / "sheet.png")
    sheet = read_rgb(tmp_path / "sheet.png")
    x, y = find(sheet, doubled(read_rgb(columns["CLR-Face"] / "000" / f"{first}.png")))
    assert sheet[y + 130 : y + 148, x : x + 128].min() < 100, "the note"
    assert np.abs(sheet[y + 64, x - 3].astype(int) - (213, 94, 0)).max() < 60, "the frame"
    other, _ = find(sheet, doubled(read_rgb(columns["U-Net"] / "000" / f"{first}.png")))
    assert sheet[y + 132 : y + 148, other : other + 120].min() == 255


# ---- saving


def test_a_figure_is_saved_as_png_and_pdf_without_dates(tmp_path: Path):
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    save(figure, tmp_path / "figures" / "a.png")
    save(figure, tmp_path / "b.png")
    for suffix in (".png", ".pdf"):
        content = (tmp_path / "b").with_suffix(suffix).read_bytes()
        assert content == (tmp_path / "figures" / "a").with_suffix(suffix).read_bytes() and b"CreationDate" not in content
    with pytest.raises(ValueError, match=r"ends in \.png"):
        save(figure, tmp_path / "a.pdf")


def test_no_two_rows_look_alike_and_clrface_always_looks_the_same():
    few, many = looks(["a", OURS]), looks([*map(str, range(39)), OURS])
    assert few[OURS] == many[OURS] and len({(look.colour, look.dash) for look in many.values()}) == 40


# ---- failure cases and the chart

IDD = MetricCard("idd_dlib", "IDD", "lower", "", "image", True, 4, "test", "test")
PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "test")
NIQE = MetricCard("niqe", "NIQE", "lower", "", "image", False, 2, "test", "test", diagnostic=True)
FACES = ["s1_1", "s2_1", "s3_1", "s10_1", "s11_1", "s12_1"]
SCORES: Mapping[str, list[float]] = {
    "input": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    "unet": [0.9, 0.1, 0.1, 0.1, 0.1, 0.1],
    "gan": [0.3, 0.3, 0.3, 0.3, math.nan, 0.3],
    "clrface": [0.1, 0.6, 0.7, 0.7, 0.5, 0.2],
}


def row(method: str, *, control: bool = False, **estimates: Estimate) -> Row:
    return Row(method, OURS if method == "clrface" else method.upper(), control, "orl", "blind", 6, 0, (0,), estimates)


def table(*rows: Row, metrics: tuple[MetricCard, ...] = (PSNR, IDD)) -> Table:
    return Table("table1", "embedded", 64, 50, metrics, rows)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Six faces with the scores of SCORES, one of them without one."""
    places = Places(tmp_path / "results", tmp_path / "data")
    folders = [places.aligned("orl"), places.degraded("orl", "blind"), *(places.restored("orl", "blind", one, 0) for one in SCORES)]
    for folder in folders:
        for shade, image_id in enumerate(FACES):
            write_png(folder / "000" / f"{image_id}.png", np.full((8, 8, 3), 40 * shade, np.uint8))
    for method, values in SCORES.items():
        path = places.scores("orl", "blind", method, 0, "idd_dlib")
        path.parent.mkdir(parents=True)
        lines = [f"{i},,no face" if math.isnan(value) else f"{i},{value},ok" for i, value in zip(FACES, values, strict=True)]
        path.write_text("\n".join(["image_id,value,status", *lines]) + "\n")
    return places


VALUES = {"psnr": Estimate(25.0, 24.0, 26.0), "idd_dlib": Estimate(0.5, 0.4, 0.6)}
ROWS = [row("input", control=True, **VALUES), *(row(method, **VALUES) for method in ("unet", "gan", "clrface"))]
SPEC = SetSpec({"orl": ["000"]}, {INPUT: "input", TRUTH: "ground_truth"})


def test_the_worst_faces_are_those_of_the_scores(places: Places):
    [one] = face_sets([table(*ROWS)], places, SPEC)
    worst = worst_faces(one)
    assert list(worst) == ["clrface", "unet", "gan"]
    assert worst["clrface"] == ["s10_1", "s3_1", "s2_1", "s11_1"], "of equal ones the later id first"
    assert worst["unet"] == ["s1_1"] and worst["gan"] == ["s12_1"], "the face without a value is nobody's worst"


def test_the_sheet_of_failures_shows_every_face_once(places: Places, tmp_path: Path):
    target = tmp_path / "failures.png"
    failure_sheet(table(*ROWS), places, SPEC, target)
    sheet = read_rgb(target)
    assert target.with_suffix(".pdf").is_file() and sheet.shape[0] > 6 * 128 and sheet.shape[1] > 5 * 128
    first = target.read_bytes()
    failure_sheet(table(*ROWS), places, SPEC, target)
    assert target.read_bytes() == first
    failure_sheet(table(*ROWS[:2]), places, SPEC, target)
    assert read_rgb(target).shape[0] < sheet.shape[0] - 128, "without CLR-Face, the last method's worst four"


def test_failures_without_identity_are_told(places: Places, tmp_path: Path):
    for one in (table(*ROWS, metrics=(PSNR,)), table(ROWS[0])):
        with pytest.raises(UserError, match="table1 has no value of idd_dlib of a method that competes"):
            failure_sheet(one, places, SPEC, tmp_path / "failures.png")


def test_up_is_better_on_every_axis():
    first, second = Estimate(20.0, 18.0, 21.0), Estimate(26.0, 25.0, 28.0)
    assert axis_ends([first, second, Estimate(math.inf, math.nan, math.nan)], PSNR) == (18.0, 28.0)
    assert axis_ends([first, second], IDD) == (28.0, 18.0)
    assert heights(first, (18.0, 28.0)) == pytest.approx((0.2, 0.0, 0.3))
    assert heights(first, (28.0, 18.0)) == pytest.approx((0.8, 0.7, 1.0))
    assert heights(Estimate(1.0, 1.0, 1.0), (1.0, 1.0)) == (0.5, 0.5, 0.5)
    assert np.isnan(heights(Estimate(math.nan, math.nan, math.nan), (18.0, 28.0))).all()
    assert math.isnan(heights(Estimate(math.inf, 1.0, 1.0), (0.0, 2.0))[0])


def test_controls_and_diagnoses_don_t_compete():
    unmeasured = Estimate(math.nan, math.nan, math.nan)
    rows = [row("input", control=True, psnr=VALUES["psnr"], idd_dlib=VALUES["idd_dlib"], niqe=VALUES["psnr"])]
    assert competing_metrics((PSNR, IDD, NIQE), rows) == []
    rows.append(row("unet", psnr=VALUES["psnr"], idd_dlib=unmeasured, niqe=VALUES["psnr"]))
    assert competing_metrics((PSNR, IDD, NIQE), rows) == [PSNR]


def test_a_legend_of_long_labels_stays_within_the_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = list[Figure]()
    monkeypatch.setattr("clrface.report.chart.save", lambda figure, _: drawn.append(figure))
    labels = [f"CLR-Face (guidance recognition_free, guidance_scale {scale})" for scale in range(8)]
    table_chart(table(ROWS[0], *[row(label, psnr=VALUES["psnr"], idd_dlib=VALUES["idd_dlib"]) for label in labels]), tmp_path / "a.png")
    [figure] = drawn
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert len(figure.legends[0].texts) == 8 and legend.x0 >= 0 and legend.x1 <= figure.bbox.width


@pytest.mark.parametrize("count", [0, 1, 12])
def test_the_chart_of_few_and_many_methods(count: int, tmp_path: Path):
    rivals = [row(f"rival{i}", psnr=Estimate(20.0 + i, 19.0 + i, 21.0 + i), idd_dlib=VALUES["idd_dlib"]) for i in range(count)]
    for name in ("a.png", "b.png"):
        table_chart(table(ROWS[0], *rivals), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert read_rgb(tmp_path / "a.png").shape[1] > 700
