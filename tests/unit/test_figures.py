"""The sample sheet: each cell shows its image's own pixels, in its place."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from clrface.errors import UserError
from clrface.images import read_rgb, write_png
from clrface.report.samples import SampleSet, sample_sheet, spread, zoom

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
