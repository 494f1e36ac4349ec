"""Photographs on disk: orientation, EXIF, colour profile, alpha, grey and 16 bits are read, and written back."""

import functools
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from clrface.errors import UserError
from clrface.images import TURNS
from clrface.photo.files import Photo, read_photo, write_photo, written_name
from tests.photographs import exif, face, scene


@functools.cache
def icc() -> bytes:
    """A profile says the second in which it was made: one serves all tests."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_a_turned_photograph_is_read_upright_and_written_so(tmp_path: Path, name: str, turn: int) -> None:
    upright = cv2.resize(scene((40, 60, 96)), (60, 40))
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
    assert (again.alpha is None) == (not alpha) and (again.alpha is None or np.array_equal(again.alpha, np.asarray(photo.alpha)))
    assert again.icc == photo.icc


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


def test_damaged_exif_data_costs_nothing_but_itself(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(face(0)).save(whole, "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    (tmp_path / "a.jpg").write_bytes(whole.getvalue())
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.pixels.shape == (128, 128, 3) and photo.exif == b""
