"""Whole photographs: faces are found, restored and put back; everything else keeps its bits; files keep what belongs to them."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from clrface.align.geometry import fit_similarity, template
from clrface.api import OK
from clrface.baselines.wiener import Restorer as Wiener
from clrface.catalogue import FOLDER as CATALOGUE
from clrface.cli import main
from clrface.errors import UserError
from clrface.images import read_rgb
from clrface.photo.background import TILE, RealEsrgan, lanczos
from clrface.photo.detect import FaceDetector
from clrface.photo.files import Photo, read_photo, write_photo, written_name
from clrface.photo.folder import RECORDS, photographs
from clrface.photo.paste import cut, face_px, mask, paste
from clrface.photo.restorer import TOO_FINE, TOO_SMALL, Frame, PhotoRestorer

FACES = CATALOGUE / "faces" / "generated"
Run = Callable[..., tuple[int, str]]
FRAME = Frame(64, "utkface")
PEOPLE = sorted(path.stem for path in FACES.glob("*.png"))[:5]


def face(number: int) -> np.ndarray:
    """A generated face, (128, 128, 3), aligned by the template `utkface`."""
    return read_rgb(FACES / f"{PEOPLE[number]}.png")


def scene(*places: tuple[int, int, int], size: tuple[int, int] = (400, 640)) -> np.ndarray:
    """Blurred faces on a grey wall: (left, top, side) each. A face is set into more of its own colours, as a head is."""
    wall = np.full((*size, 3), 150, np.uint8)
    for number, (left, top, side) in enumerate(places):
        small = cv2.GaussianBlur(cv2.resize(face(number), (side, side), interpolation=cv2.INTER_AREA), (0, 0), max(0.6, side / 90))
        wall[top : top + side, left : left + side] = small
    return wall


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


# Files


def icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(turn: int = 1) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Orientation] = "a camera", turn
    return tags.tobytes()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_a_turned_photograph_is_read_upright_and_written_so(tmp_path: Path, name: str, turn: int) -> None:
    upright = cv2.resize(scene((40, 60, 96)), (60, 40))
    from clrface.images import TURNS

    back = {6: 8, 8: 6}
    stored = Image.fromarray(upright)
    stored = stored if turn == 1 else stored.transpose(TURNS[back.get(turn, turn)])
    stored.save(tmp_path / name, exif=exif(turn), quality=100, lossless=True)
    photo = read_photo(tmp_path / name)
    assert photo.pixels.shape == (40, 60, 3) and np.abs(photo.pixels.astype(int) - upright).mean() < 3
    write_photo(tmp_path / f"out-{name}", photo)
    with Image.open(tmp_path / f"out-{name}") as written:
        assert written.getexif().get(ExifTags.Base.Orientation, 1) == 1 and written.getexif().get(ExifTags.Base.Make) == "a camera"
        assert written.size == (60, 40)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_the_colour_profile_is_kept(tmp_path: Path, name: str) -> None:
    Image.fromarray(face(0)).save(tmp_path / name, icc_profile=icc(), quality=95)
    write_photo(tmp_path / f"out-{name}", read_photo(tmp_path / name))
    with Image.open(tmp_path / f"out-{name}") as written:
        assert written.info.get("icc_profile") == icc()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_channels_stay_what_they_were(tmp_path: Path, mode: str, suffix: str) -> None:
    image = Image.fromarray(np.dstack([face(0), np.arange(128 * 128, dtype=np.uint8).reshape(128, 128)])).convert(mode)
    image.save(tmp_path / f"a{suffix}", lossless=True, exact=True)
    with Image.open(tmp_path / f"a{suffix}") as stored:
        expected, kept_mode = np.asarray(stored.convert("RGBA")), stored.mode
    write_photo(tmp_path / f"b{suffix}", read_photo(tmp_path / f"a{suffix}"))
    with Image.open(tmp_path / f"b{suffix}") as written:
        assert written.mode == kept_mode
        shown = np.asarray(written.convert("RGBA")).astype(int)
    opaque = expected[..., 3] > 0
    assert np.array_equal(shown[..., 3], expected[..., 3]) and np.abs(shown[opaque] - expected[opaque]).max() <= (
        0 if suffix != ".webp" else 1
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_sixteen_bits_come_back_to_the_bit(tmp_path: Path, suffix: str, grey: bool, alpha: bool) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 65536, (20, 30, 1 if grey else 3)).astype(np.uint16)
    photo = Photo(
        np.repeat(pixels, 3, 2) if grey else pixels,
        rng.integers(0, 65535, (20, 30)).astype(np.uint16) if alpha else None,
        grey,
        exif(),
        icc(),
    )
    write_photo(tmp_path / f"a{suffix}", photo)
    again = read_photo(tmp_path / f"a{suffix}")
    assert again.pixels.dtype == np.uint16 and np.array_equal(again.pixels, photo.pixels)
    assert (again.alpha is None) == (not alpha) and (again.alpha is None or np.array_equal(again.alpha, photo.alpha))
    assert again.icc == icc()


def test_cmyk_palette_and_bilevel_photographs_are_read(tmp_path: Path) -> None:
    image = Image.fromarray(face(0))
    for name, made in (("c.jpg", image.convert("CMYK")), ("p.png", image.convert("P")), ("b.png", image.convert("1"))):
        made.save(tmp_path / name)
        photo = read_photo(tmp_path / name)
        assert photo.pixels.shape == (128, 128, 3) and photo.grey == (name == "b.png")
        write_photo(tmp_path / f"out-{name}", photo)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    alpha = Photo(face(0), np.zeros((128, 128), np.uint8))
    for name, photo, said in (
        ("a.xyz", Photo(face(0)), "found the suffix '.xyz'"),
        ("a.jpg", alpha, "JPEG has none"),
        ("a.webp", Photo(face(0).astype(np.uint16)), "WEBP has 8"),
    ):
        with pytest.raises(UserError, match=said):
            write_photo(tmp_path / name, photo)
    assert list(tmp_path.iterdir()) == [] and written_name(Path("a.heic")) == "a.png"


# The command


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of photographs: two with faces, one without, one that is damaged, one of a format that can't be written."""
    folder = tmp_path / "album"
    folder.mkdir()
    Image.fromarray(scene((40, 60, 96))).save(folder / "one.jpg", exif=exif(), quality=95)
    Image.fromarray(scene((40, 60, 96), (260, 120, 160))).save(folder / "two.png")
    Image.fromarray(np.full((80, 90, 3), 99, np.uint8)).save(folder / "wall.png", pnginfo=None)
    Image.fromarray(scene((40, 60, 96))).save(folder / "old.gif")
    (folder / "torn.jpg").write_bytes((folder / "one.jpg").read_bytes()[:2000])
    return folder


@pytest.fixture
def run(sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`clrface restore` in the project's folder: its exit code, and what it says."""
    from clrface.fingerprint import ROOT

    monkeypatch.chdir(ROOT)

    def restore(*words: object) -> tuple[int, str]:
        code = main(["restore", *map(str, words), "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return restore


def test_an_album_is_restored_and_a_second_call_does_what_is_missing(album: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    words = (album, "-o", out, "--method", "wiener", "--save-faces", "--compare", "--force")
    code, said = run(*words)
    assert code == 1 and "torn.jpg" in said and "wall.png: no face found; kept as it is." in said
    assert "3 restored (4 faces), 1 kept as they are, 1 failed" in said
    assert {path.name for path in out.glob("*.*")} == {"one.jpg", "two.png", "old.png", "wall.png", RECORDS}
    assert (out / "wall.png").read_bytes() == (album / "wall.png").read_bytes(), "to the byte"
    assert len(list((out / "faces").glob("two_*_restored.png"))) == 2
    assert read_rgb(out / "compare" / "two.png").shape == (400, 1280, 3)
    records = [json.loads(line) for line in (out / RECORDS).read_text().splitlines()]
    assert {record["photo"]: len(record["faces"]) for record in records} == {"one.jpg": 1, "two.png": 2, "wall.png": 0, "old.gif": 1}

    when = {path: path.stat().st_mtime_ns for path in out.glob("*.*")}
    (album / "torn.jpg").unlink()
    (out / "two.png").unlink()
    code, said = run(*words)
    assert code == 0 and "1 restored (2 faces), 3 done before" in said
    assert (out / "one.jpg").stat().st_mtime_ns == when[out / "one.jpg"]
    code, said = run(*words[:-1], "--min-face", "90")
    assert "done before" not in said, "other settings, all anew"


def test_what_is_done_is_kept_when_it_is_stopped(album: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "torn.jpg").unlink()
    whole, seen = PhotoRestorer.restore, list[str]()

    def stopped(self: PhotoRestorer, photo: Photo, name: str):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(name)
        return whole(self, photo, name)

    monkeypatch.setattr(PhotoRestorer, "restore", stopped)
    code, said = run(album, "-o", tmp_path / "out", "--method", "wiener", "--force")
    assert code == 130 and "Run the same command again" in said and len(list((tmp_path / "out").glob("*.*"))) == 3
    monkeypatch.setattr(PhotoRestorer, "restore", whole)
    code, said = run(album, "-o", tmp_path / "out", "--method", "wiener", "--force")
    assert code == 0 and "2 done before" in said


def test_clr_face_restores_a_photograph_as_it_is_called(tmp_path: Path, run: Run) -> None:
    Image.fromarray(scene((260, 120, 160))).save(tmp_path / "photo.png")
    code, said = run(tmp_path / "photo.png", "-o", tmp_path / "out", "--set", "steps=2", "--force")
    assert code == 0 and "1 restored (1 faces)" in said
    before, after = read_rgb(tmp_path / "photo.png"), read_rgb(tmp_path / "out" / "photo.png")
    sharpness = [cv2.Laplacian(cv2.cvtColor(image[140:260, 280:400], cv2.COLOR_RGB2GRAY), cv2.CV_64F).var() for image in (before, after)]
    assert sharpness[1] > 1.5 * sharpness[0] and np.array_equal(before[:, :200], after[:, :200])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{album}", "-o", "{album}"], "would be overwritten by its own result"),
        (["{album}/nothing.jpg"], "No file or folder at"),
        (["{album}", "-o", "{album}/one.jpg"], "is a file, expected a folder"),
        (["{album}", "--method", "gfpgam_1_4"], "Did you mean 'gfpgan_1_4'"),
        (["{album}", "--method", "oracle"], "is a control of the tables"),
        (["{album}", "--method", "vqfr"], "is an external program"),
        (["{album}", "--method", "clrface", "--set", "step=4"], "Did you mean 'steps'"),
        (["{album}", "--set", "steps"], "expected a parameter and its value, e.g. steps=4"),
        (["{album}", "--weights", "/nowhere/at/all"], "Found no folder"),
        (["{album}", "{album}/one.jpg"], "Two photographs would be written as"),
    ],
)  # fmt: skip
def test_wrong_words_stop_before_any_work(album: Path, run: Run, words: list[str], said: str, tmp_path: Path) -> None:
    before = sorted(path.name for path in album.iterdir())
    given = [word.format(album=album) for word in words]
    code, heard = run(*given, *([] if "-o" in words else ["-o", tmp_path / "out"]))
    assert code == 2 and said in heard and "Traceback" not in heard
    assert sorted(path.name for path in album.iterdir()) == before and not (tmp_path / "out").exists()


def test_two_folders_with_one_name_each_are_refused(album: Path, tmp_path: Path) -> None:
    shutil.copytree(album, tmp_path / "other")
    with pytest.raises(UserError, match="Two photographs would be written"):
        photographs([album, tmp_path / "other"], tmp_path / "out")


def test_the_function_does_as_the_command(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clrface.fingerprint import ROOT
    from clrface.public import load_method, restore

    monkeypatch.chdir(ROOT)
    image = scene((260, 120, 60))
    done = restore(image, "wiener", device="cpu")
    assert done.shape == image.shape and done.dtype == np.uint8
    lq = torch.rand(2, 3, 64, 64)
    assert load_method("unet", device="cpu").restore(lq, [0, 1]).shape == lq.shape


def test_damaged_exif_data_costs_nothing_but_itself(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(face(0)).save(whole, "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    (tmp_path / "a.jpg").write_bytes(whole.getvalue())
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.pixels.shape == (128, 128, 3) and photo.exif == b""
