"""Whole photographs: faces are found, restored and put back; everything else keeps its bits; files keep what belongs to them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from clrface.align.geometry import fit_similarity, template
from clrface.api import OK
from clrface.baselines.wiener import Restorer as Wiener
from clrface.errors import UserError
from clrface.photo.background import TILE, RealEsrgan, lanczos
from clrface.photo.detect import FaceDetector
from clrface.photo.files import Photo
from clrface.photo.paste import cut, face_px, mask, paste
from clrface.photo.restorer import TOO_FINE, TOO_SMALL, Frame, PhotoRestorer
from tests.photographs import face, scene

FRAME = Frame(64, "utkface")


def to_square(left: int, top: int, side: int) -> np.ndarray:
    """The matrix that brings a face of a scene to FRAME's square."""
    return fit_similarity(template(side, "utkface") + np.array([left, top]), template(64, "utkface"))


@pytest.fixture(scope="module")
def detector(sources: Path) -> FaceDetector:
    return FaceDetector(sources)


@pytest.fixture(scope="module")
def restorer(detector: FaceDetector, sources: Path) -> PhotoRestorer:
    """A filter stands for the method: what is asked here is where its pixels go."""
    method = Wiener(sigma_px=1.0, balance=0.05)
    method.load(None, "cpu", sources)
    return PhotoRestorer(method, FRAME, detector, force=True)


# Finding


def test_every_face_is_found_where_it_is(detector: FaceDetector) -> None:
    places = [(40, 60, 96), (260, 120, 160), (500, 40, 48)]
    found = detector.find(scene(*places))
    assert len(found) == 3
    for seen, (left, top, side) in zip(found, places, strict=True):
        away = np.abs(seen.points - template(side, "utkface") - (left, top))
        assert away.max() < 0.09 * side and away.mean() < 0.04 * side


def test_nothing_is_found_where_nobody_is(detector: FaceDetector) -> None:
    from skimage import data

    assert detector.find(data.coffee()) == [] and detector.find(np.zeros((30, 50, 3), np.uint8)) == []


def test_a_detector_without_its_file_says_what_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="clrface fetch yunet"):
        FaceDetector(tmp_path)
    (tmp_path / "yunet").mkdir()
    (tmp_path / "yunet" / "face_detection_yunet_2023mar_int8bq.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match="fetch it again"):
        FaceDetector(tmp_path)


# Pasting


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("side", [30, 64, 150])
def test_what_was_cut_out_unchanged_is_put_back_unchanged(kind: type, side: int) -> None:
    wall = cv2.GaussianBlur(scene((200, 100, 160)), (0, 0), 3).astype(kind) * (257 if kind is np.uint16 else 1)
    before, matrix = wall.copy(), to_square(210, 110, side)
    paste(wall, cut(wall, matrix, 64), matrix)
    difference = np.abs(wall.astype(float) - before) / np.iinfo(kind).max
    assert difference.max() < 8 / 255 and difference.mean() < 0.1 / 255
    assert wall.dtype == kind and face_px(matrix, 64) == pytest.approx(side)


def test_only_the_square_s_pixels_change() -> None:
    wall = scene((200, 100, 160))
    before, matrix = wall.copy(), to_square(200, 100, 160)
    paste(wall, np.ones((64, 64, 3), np.float32), matrix)
    changed = (wall != before).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[0] >= 100 and rows[-1] < 260 and columns[0] >= 200 and columns[-1] < 360
    assert changed[150:210, 250:310].all() and not changed[100:104, 200:204].any(), "the middle, and not the corners"


def test_a_face_beyond_the_border_is_put_back_as_far_as_it_reaches() -> None:
    wall = scene((200, 100, 160))
    matrix = to_square(-80, 300, 160)
    paste(wall, np.zeros((64, 64, 3), np.float32), matrix)
    beyond = to_square(2000, 300, 160)
    before = wall.copy()
    paste(wall, np.zeros((64, 64, 3), np.float32), beyond)
    assert np.array_equal(wall, before)


def test_tones_agree_at_the_edge_so_that_no_seam_is_left() -> None:
    wall = np.full((200, 200, 3), 120, np.uint8)
    matrix = to_square(50, 50, 100)
    paste(wall, np.full((64, 64, 3), 150 / 255, np.float32), matrix)
    steps = np.abs(np.diff(wall[100, :, 0].astype(int)))
    assert wall[100, 100, 0] > 140 and steps.max() <= 3, "from 150 down to 120 without a step"


def test_the_mask_falls_smoothly_from_one_to_nothing() -> None:
    shape = mask(64)
    assert shape[32, 32] == 1 and shape[0].max() < 0.01 and np.abs(np.diff(shape[32])).max() < 0.25


# One photograph


def test_a_photograph_s_faces_are_restored_and_the_rest_keeps_its_bits(restorer: PhotoRestorer) -> None:
    photo = Photo(scene((40, 60, 96), (260, 120, 160)))
    done = restorer.restore(photo, "party")
    assert [seen.status for seen in done.faces] == [OK, OK] and len(done.squares) == 2
    changed = (done.photo.pixels != photo.pixels).any(2)
    assert changed[100:110, 80:90].any() and changed[190:210, 330:350].any()
    assert not changed[:, 440:].any() and not changed[:40].any() and done.photo.pixels.shape == photo.pixels.shape


def test_sixteen_bits_stay_sixteen(restorer: PhotoRestorer) -> None:
    photo = Photo(scene((260, 120, 160)).astype(np.uint16) * 257 + 3)
    done = restorer.restore(photo, "deep").photo.pixels
    assert done.dtype == np.uint16 and np.array_equal(done[:, :200], photo.pixels[:, :200]) and not np.array_equal(done, photo.pixels)


def test_the_same_seed_gives_the_same_photograph_and_another_one_another(detector: FaceDetector) -> None:
    from clrface.seeds import derive_seed

    class Speckle:
        def load(self, weights: Path | None, device: str, sources: Path) -> None: ...

        def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
            drawn = [torch.rand(lq.shape[1:], generator=torch.Generator().manual_seed(seed % 2**62)) for seed in seeds]
            return (lq + 0.3 * (torch.stack(drawn) - 0.5)).clamp(0, 1)

    photo = Photo(scene((40, 60, 96), (260, 120, 160)))
    one, again, other = (PhotoRestorer(Speckle(), FRAME, detector, seed, force=True).restore(photo, "a").photo.pixels for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert derive_seed(0, "photo", "a", "0") != derive_seed(0, "photo", "a", "1"), "two faces, two noises"


def test_faces_too_small_or_finer_than_the_method_s_size_are_left_alone(detector: FaceDetector, restorer: PhotoRestorer) -> None:
    noise = np.random.default_rng(0).integers(-20, 20, (400, 640, 3))
    sharp = np.clip(scene((260, 120, 200)).astype(int) + noise, 0, 255).astype(np.uint8)
    careful = PhotoRestorer(restorer.method, FRAME, detector)
    [kept] = careful.restore(Photo(sharp), "sharp").faces
    assert kept.status == TOO_FINE and [seen.status for seen in restorer.restore(Photo(sharp), "sharp").faces] == [OK]
    [small] = PhotoRestorer(restorer.method, FRAME, detector, least_px=60).restore(Photo(scene((500, 40, 48))), "small").faces
    assert small.status == TOO_SMALL and small.side_px == pytest.approx(48, rel=0.15)


def test_a_photograph_is_enlarged_with_its_faces(restorer: PhotoRestorer, detector: FaceDetector) -> None:
    twice = PhotoRestorer(restorer.method, FRAME, detector, upscale=2, force=True)
    photo = Photo(scene((260, 120, 160)), alpha=np.full((400, 640), 200, np.uint8))
    done = twice.restore(photo, "large")
    assert done.photo.pixels.shape == (800, 1280, 3) and done.photo.alpha is not None and done.photo.alpha.shape == (800, 1280)
    changed = (done.photo.pixels != lanczos(photo.pixels, 2)).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert 220 <= rows[0] < 300 and 460 < rows[-1] < 580 and 500 <= columns[0] < 600, "where the face is now"


def test_an_aligned_face_is_taken_whole(restorer: PhotoRestorer) -> None:
    done = restorer.restore_aligned(Photo(face(0)), "one")
    assert done.photo.pixels.shape == (128, 128, 3) and [seen.status for seen in done.faces] == [OK]
    with pytest.raises(UserError, match="expected a square"):
        restorer.restore_aligned(Photo(face(0)[:100]), "one")


def test_the_background_network_leaves_no_seam_between_tiles(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import clrface.photo.background as background

    network, wall = RealEsrgan(sources, "cpu"), scene((0, 0, 64), size=(64, 72))
    whole = network(wall, 2)
    monkeypatch.setattr(background, "TILE", 40)
    tiled = network(wall, 2)
    assert TILE > 64 and whole.shape == (128, 144, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 24 and np.abs(whole.astype(int) - tiled).mean() < 0.8
