"""Aligning: the geometry in closed form, the landmarks on ORL's real faces, the chunk's files byte for byte."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from clrface.align.chunk import COORDINATES, NO_FACE, align_chunk, refuse_faceless
from clrface.align.curate import BLURRED, COPY, FAR, MIN_SHARPNESS, curate_utkface, sharpness, split_of
from clrface.align.geometry import align, apply, fit_similarity, template, warp
from clrface.align.landmarks import FaceFinder
from clrface.align.templates import FFHQ_POINTS
from clrface.catalogue import MANIFESTS
from clrface.cli import main
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import read_rgb, write_png
from clrface.manifest import Entry, from_folder, read_manifest
from clrface.seeds import generator

SIZE = 96
IDENTITY = np.eye(2, 3)


@pytest.fixture(scope="module")
def finder(sources: Path) -> FaceFinder:
    return FaceFinder(sources / "dlib")


@pytest.fixture(scope="module")
def first_faces(sources: Path) -> list[np.ndarray]:
    """The first photograph of each of ORL's 40 people, (112, 92, 3)."""
    return [read_rgb(sources / "orl" / f"s{person}" / "1.pgm") for person in range(1, 41)]


def orl_entries(*image_ids: str) -> list[Entry]:
    manifest = read_manifest(MANIFESTS / "orl.csv")
    return [entry for entry in manifest if entry.image_id in image_ids]


def index(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "index.csv").open() as handle:
        return {row["image_id"]: row for row in csv.DictReader(handle)}


def noise(size: int = 120) -> np.ndarray:
    return generator(0, "test", "noise").integers(0, 256, (size, size, 3)).astype(np.uint8)


# Geometry


def test_template_is_in_shares_of_the_side() -> None:
    np.testing.assert_allclose(template(100), [(30.0, 29.5), (69.0, 29.5), (49.5, 71.0)])


def test_fit_recovers_a_known_similarity() -> None:
    angle, scale, shift = np.radians(20), 0.7, np.array([5.0, -3.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = fit_similarity(template(64), template(64) @ turn.T + shift)
    np.testing.assert_allclose(matrix, np.column_stack([turn, shift]), atol=1e-9)


def test_fit_never_mirrors() -> None:
    matrix = fit_similarity(template(64) * [-1, 1], template(64))
    assert np.linalg.det(matrix[:, :2]) > 0


def test_fit_refuses_coinciding_points() -> None:
    with pytest.raises(ValueError, match="No similarity"):
        fit_similarity(np.ones((3, 2)), template(64))


def test_identity_returns_the_image(first_faces: list[np.ndarray]) -> None:
    square = first_faces[0][:92, :92]
    np.testing.assert_array_equal(warp(square, IDENTITY, 92), square)


def test_a_face_on_the_template_stays_where_it_is(first_faces: list[np.ndarray]) -> None:
    square = first_faces[0][:92, :92]
    np.testing.assert_array_equal(align(square, template(92), 92), square)


def test_beyond_the_edge_the_image_is_mirrored(first_faces: list[np.ndarray]) -> None:
    square = first_faces[0][:92, :92]
    shifted = warp(square, np.array([[1.0, 0, 20], [0, 1.0, 0]]), 92)
    np.testing.assert_array_equal(shifted[:, 20:], square[:, :72])
    np.testing.assert_array_equal(shifted[:, :20], square[:, 20:0:-1])


def test_shrinking_takes_the_mean_of_each_block(first_faces: list[np.ndarray]) -> None:
    square = first_faces[0][:92, :92]
    quarter = warp(square, np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), 23)
    blocks = square.reshape(23, 4, 23, 4, 3).mean((1, 3))
    np.testing.assert_allclose(quarter, blocks, atol=0.51)


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = warp(stripes, np.array([[0.4, 0, -0.3], [0, 0.4, -0.3]]), 64)[4:-4, 4:-4]
    assert inner.max() - inner.min() < 130, "bare bilinear sampling spans the whole range here"


# Landmarks


def test_found_landmarks_land_on_the_template(finder: FaceFinder, first_faces: list[np.ndarray]) -> None:
    again, planned = [], []
    for face in first_faces:
        points = finder.find(face).landmarks
        found = finder.find(align(face, points, SIZE))
        again.append(found.landmarks)
        planned.append(apply(fit_similarity(points, template(SIZE)), points))
    # Faces differ in shape: each lies where its own transform puts it, and on the template in the mean.
    assert np.linalg.norm(np.array(again) - planned, axis=2).max() < 0.015 * SIZE
    assert np.linalg.norm(np.mean(again, axis=0) - template(SIZE), axis=1).max() < 0.016 * SIZE


def test_faces_are_brought_to_the_field_s_template_too(finder: FaceFinder, first_faces: list[np.ndarray]) -> None:
    found = [finder.find(align(face, finder.find(face).landmarks, 256, "ffhq")) for face in first_faces]
    middle = np.mean([face.landmarks for face in found if face], axis=0)
    assert sum(face is not None for face in found) > len(found) / 2, (
        "ORL's photographs are narrower than the square: their edges are mirrored"
    )
    assert np.linalg.norm(middle - template(256, "ffhq"), axis=1).max() < 0.016 * 256
    np.testing.assert_allclose(template(512, "ffhq"), np.vstack([FFHQ_POINTS[:2], FFHQ_POINTS[3:].mean(0)]))


def test_landmarks_scale_with_the_image(finder: FaceFinder, first_faces: list[np.ndarray]) -> None:
    small = first_faces[0]
    large = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    expected = (finder.find(small).landmarks + 0.5) * 4 - 0.5
    assert np.abs(finder.find(large).landmarks - expected).max() < 0.015 * large.shape[1]


def test_noise_has_no_face(finder: FaceFinder, sources: Path) -> None:
    assert finder.find(noise()) is None
    assert FaceFinder(sources / "dlib", fallback="centre").find(noise()).found_by == "centre"
    face = FaceFinder(sources / "dlib", fallback="lfw").find(noise(250))
    assert face.found_by == "lfw" and (face.landmarks > 60).all() and (face.landmarks < 190).all(), "in the middle"


def test_a_centred_photograph_s_face_is_the_one_in_its_middle(first_faces: list[np.ndarray], sources: Path) -> None:
    """LFW's rule: a larger face beside it is somebody else's."""
    scene = np.full((300, 700, 3), 128, np.uint8)
    scene[38:262, 20:204] = cv2.resize(first_faces[1], (184, 224))
    scene[94:206, 304:396] = first_faces[0]
    largest, middle = (FaceFinder(sources / "dlib", fallback=name).find(scene).landmarks for name in ("none", "lfw"))
    assert largest[2, 0] < 304 < middle[2, 0] < 396


def test_the_fallback_aligns_the_face_that_the_detector_misses(finder: FaceFinder, sources: Path) -> None:
    missed = read_rgb(sources / "orl" / "s33" / "4.pgm")
    assert finder.find(missed) is None
    face = FaceFinder(sources / "dlib", fallback="centre").find(missed)
    marked_by_hand = [(30, 55), (64, 59), (41, 86)]
    assert np.linalg.norm(face.landmarks - marked_by_hand, axis=1).max() < 0.03 * missed.shape[1]


def test_a_missing_landmark_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"shape_predictor_68.*fetch"):
        FaceFinder(tmp_path)


# Chunks


def test_a_chunk_is_the_same_bytes_however_it_is_cut(sources: Path, tmp_path: Path) -> None:
    entries = orl_entries("s1_1", "s2_1", "s3_1")
    for name, part in (("all", entries), ("again", entries), ("alone", entries[1:2])):
        align_chunk(part, sources / "orl", tmp_path / name, 64, sources / "dlib")
    for file in ("s1_1.png", "s2_1.png", "s3_1.png", "index.csv"):
        assert (tmp_path / "all" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    assert (tmp_path / "all" / "s2_1.png").read_bytes() == (tmp_path / "alone" / "s2_1.png").read_bytes()
    assert read_rgb(tmp_path / "all" / "s1_1.png").shape == (64, 64, 3)
    for image_id, row in index(tmp_path / "all").items():
        assert (row["status"], row["sha256"]) == ("ok", sha256_file(tmp_path / "all" / f"{image_id}.png"))
        points = np.array([float(row[column]) for column in COORDINATES]).reshape(3, 2)
        raw = read_rgb(sources / "orl" / image_id.split("_")[0] / "1.pgm")
        np.testing.assert_array_equal(align(raw, points, 64), read_rgb(tmp_path / "all" / f"{image_id}.png"))


def test_no_face_gives_a_row_and_no_image(sources: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "raw" / "noise.png", noise())
    entries = from_folder(tmp_path / "raw")
    align_chunk(entries, tmp_path / "raw", tmp_path / "out", 64, sources / "dlib", "centre")
    assert index(tmp_path / "out")["noise"]["found_by"] == "centre"
    align_chunk(entries, tmp_path / "raw", tmp_path / "out", 64, sources / "dlib")
    row = index(tmp_path / "out")["noise"]
    assert (row["status"], row["sha256"], row["mouth_x"]) == (NO_FACE, "", "")
    assert not (tmp_path / "out" / "noise.png").exists()


def test_a_set_without_any_face_stops_at_its_last_chunk(sources: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_png(tmp_path / "raw" / f"{name}.png", noise())

    def aligned(chunk: int) -> int:
        words = [
            "align",
            "--dataset",
            "mine",
            "--folder",
            str(tmp_path / "raw"),
            "--chunk",
            str(chunk),
            "--chunk-size",
            "1",
            "--size",
            "64",
        ]
        return main([*words, "--dlib", str(sources / "dlib"), "--out", str(tmp_path / "aligned" / f"00{chunk}")])

    assert aligned(1) == 0, "another chunk may have a face"
    assert aligned(0) == 2
    shutil.copy(sources / "orl" / "s1" / "1.pgm", tmp_path / "raw" / "a.pgm")
    (tmp_path / "raw" / "a.png").unlink()
    assert aligned(0) == 0


def test_the_cause_of_a_set_without_faces_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(f"image_id,status\na,{NO_FACE}\nb,{NO_FACE}\n")
    refuse_faceless("mine", [tmp_path, tmp_path / "not yet there"])
    with pytest.raises(UserError, match=r"No face was found in any of the 2 images of 'mine'.*align: false"):
        refuse_faceless("mine", [tmp_path])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:5000], r"Can't read .*1\.pgm as an image"),
        (lambda content: content[:-1] + b"\0", r"1\.pgm is altered"),
        (None, r"No image at .*1\.pgm"),
    ],
    ids=["truncated", "altered", "missing"],
)
def test_a_bad_raw_file_is_named(sources: Path, tmp_path: Path, damage: Callable[[bytes], bytes] | None, message: str) -> None:
    raw = tmp_path / "raw" / "s1" / "1.pgm"
    raw.parent.mkdir(parents=True)
    if damage:
        raw.write_bytes(damage((sources / "orl" / "s1" / "1.pgm").read_bytes()))
    with pytest.raises(UserError, match=message):
        align_chunk(orl_entries("s1_1"), tmp_path / "raw", tmp_path / "out", 64, sources / "dlib")
    assert not (tmp_path / "out" / "index.csv").exists()


# Curating


def test_blur_lowers_sharpness(finder: FaceFinder, first_faces: list[np.ndarray]) -> None:
    for face in first_faces[:5]:
        aligned = align(face, finder.find(face).landmarks, 64)
        assert sharpness(cv2.GaussianBlur(aligned, (0, 0), 1.5)) < MIN_SHARPNESS < sharpness(aligned)
    assert sharpness(np.full((64, 64, 3), 7, np.uint8)) == 0


def test_curating_keeps_the_good_and_says_why_not(sources: Path, finder: FaceFinder, first_faces: list[np.ndarray], tmp_path: Path) -> None:
    chips = [align(face, finder.find(face).landmarks, 200) for face in first_faces[:2]]
    blurred = cv2.GaussianBlur(chips[0], (0, 0), 6)
    images = {"1_a": chips[0], "2_b": chips[1], "3_copy": chips[0], "4_blurred": blurred, "5_off": np.roll(chips[1], 30, axis=1)}
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, rgb in (images | {"6_noise": noise(200)}).items():
        Image.fromarray(rgb).save(raw / f"{name}.jpg.chip.jpg", quality=95)
    counts = curate_utkface(raw, sources / "dlib", tmp_path / "m.csv")
    kept = read_manifest(tmp_path / "m.csv")
    assert [entry.image_id for entry in kept] == ["1_a", "2_b"]
    assert counts["train"] + counts["val"] == 2
    assert {COPY: 1, BLURRED: 1, FAR: 1, NO_FACE: 1}.items() <= counts.items()


def test_curating_an_empty_folder_is_an_error(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Found 0 files"):
        curate_utkface(tmp_path, sources / "dlib", tmp_path / "m.csv")


def test_split_follows_the_hash() -> None:
    assert split_of("00" * 32) == "val"
    assert split_of("ff" * 32) == "train"
