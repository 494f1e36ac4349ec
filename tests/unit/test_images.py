"""The reader: the same image in another file gives the same bytes, or a refusal that names the file."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from clrface.errors import UserError
from clrface.images import read_rgb, read_size, to_bytes, to_levels
from clrface.seeds import generator

GREY = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (8, 9, 3), dtype=np.uint8)
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)


def sixteen(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint16) * 257


def with_alpha(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack([RGB, np.full(RGB.shape[:2], alpha, np.uint8)]))


COLOUR: dict[str, Callable[[Path], object]] = {
    "c.png": lambda path: Image.fromarray(RGB).save(path),
    "c.bmp": lambda path: Image.fromarray(RGB).save(path),
    "c.ppm": lambda path: Image.fromarray(RGB).save(path),
    "c.tga": lambda path: Image.fromarray(RGB).save(path),
    "c.jp2": lambda path: Image.fromarray(RGB).save(path, irreversible=False),
    "c.webp": lambda path: Image.fromarray(RGB).save(path, lossless=True),
    "sixteen.png": lambda path: cv2.imwrite(str(path), sixteen(RGB[..., ::-1])),
    "sixteen.tif": lambda path: cv2.imwrite(str(path), sixteen(RGB[..., ::-1])),
    "sixteen.ppm": lambda path: cv2.imwrite(str(path), sixteen(RGB[..., ::-1])),
    "opaque.png": lambda path: with_alpha(255).save(path),
    "opaque.tif": lambda path: with_alpha(255).save(path),
    "cmyk.tif": lambda path: Image.fromarray(RGB).convert("CMYK").save(path),
    "palette.png": lambda path: Image.fromarray(RGB).quantize(256).save(path),
    "palette.gif": lambda path: Image.fromarray(RGB).quantize(256).save(path),
}
GREYS: dict[str, Callable[[Path], object]] = {
    "g.png": lambda path: Image.fromarray(GREY).save(path),
    "g.pgm": lambda path: Image.fromarray(GREY).save(path),
    "sixteen.png": lambda path: cv2.imwrite(str(path), sixteen(GREY)),
    "sixteen.tif": lambda path: cv2.imwrite(str(path), sixteen(GREY)),
    "sixteen.pgm": lambda path: cv2.imwrite(str(path), sixteen(GREY)),
    "sixteen.jp2": lambda path: Image.fromarray(sixteen(GREY)).save(path),
    "float.tif": lambda path: Image.fromarray(GREY / np.float32(255)).save(path),
    "float.pfm": lambda path: Image.fromarray(GREY / np.float32(255)).save(path),
    "opaque.png": lambda path: Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (9, 8), 255)]).save(path),
}


@pytest.mark.parametrize("name", COLOUR)
def test_the_same_colours_in_every_file(tmp_path: Path, name: str) -> None:
    COLOUR[name](tmp_path / name)
    assert np.array_equal(read_rgb(tmp_path / name), RGB) and read_size(tmp_path / name) == (9, 8)


@pytest.mark.parametrize("name", GREYS)
def test_the_same_greys_in_every_file(tmp_path: Path, name: str) -> None:
    GREYS[name](tmp_path / name)
    assert np.array_equal(read_rgb(tmp_path / name), GREY_RGB)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    turned = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.swapaxes(0, 1),
        6: RGB.swapaxes(0, 1)[::-1],  # the camera stood on its side: its top row is the image's right column
        7: RGB[::-1, ::-1].swapaxes(0, 1),
        8: RGB.swapaxes(0, 1)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.ascontiguousarray(turned)).save(path, exif=exif, lossless=True)
    assert np.array_equal(read_rgb(path), RGB) and read_size(path) == (9, 8)


def test_a_photograph_with_damaged_exif_is_still_one(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=b"Exif\0\0nonsense")
    assert np.array_equal(read_rgb(tmp_path / "a.png"), RGB)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "transparent.png": (lambda path: with_alpha(254).save(path), "transparent in 72 of 72 pixels"),
    "key.png": (lambda path: Image.fromarray(GREY).save(path, transparency=int(GREY[0, 0])), "transparent in"),
    "key16.png": (lambda path: Image.fromarray(sixteen(GREY)).save(path, transparency=0), "black and white are unknown"),
    "negative.tif": (lambda path: Image.fromarray(GREY / np.float32(255) - 0.5).save(path), r"float values from -0\.\d+ to 0\.\d+"),
    "levels.tif": (lambda path: Image.fromarray(GREY.astype(np.float32)).save(path), r"expected \[0, 1\]"),
    "nan.tif": (lambda path: Image.fromarray(np.full((8, 9), np.nan, np.float32)).save(path), "from nan to nan"),
    "signed.tif": (lambda path: cv2.imwrite(str(path), GREY.astype(np.int32)), "black and white are unknown"),
    "inverted.tif": (lambda path: Image.fromarray(sixteen(GREY)).save(path, tiffinfo={262: 0}), "black and white are unknown"),
    "moving.gif": (lambda path: Image.new("L", (9, 8)).save(path, save_all=True, append_images=[Image.fromarray(GREY)]), "2 frames"),
    "pages.tif": (lambda path: Image.new("L", (9, 8)).save(path, save_all=True, append_images=[Image.fromarray(GREY)]), "2 frames"),
    "narrow.pcx": (lambda path: Image.new("RGB", (3, 9), (9, 200, 4)).save(path), "3 px wide; below 4 px"),
    "text.png": (lambda path: path.write_text("<html>"), "no format that Pillow knows"),
    "folder.png": (lambda path: path.mkdir(), "Is a directory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_misread_is_refused_by_name(tmp_path: Path, name: str) -> None:
    write, said = REFUSED[name]
    write(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}.*{said}"):
        read_rgb(tmp_path / name)


def test_an_image_beyond_the_bomb_limit_is_named(tmp_path: Path) -> None:
    header = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0)
    (tmp_path / "large.bmp").write_bytes(header)
    for read in (read_rgb, read_size):
        with pytest.raises(UserError, match=r"large\.bmp is too large.*900000000 pixels"):
            read(tmp_path / "large.bmp")


@pytest.mark.filterwarnings("ignore")
def test_damage_of_any_kind_is_one_message(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for suffix in ("png", "jpg", "tif", "gif", "webp", "jp2", "bmp", "tga"):
        whole = tmp_path / f"whole.{suffix}"
        Image.fromarray(RGB).save(whole)
        content = bytearray(whole.read_bytes())
        for trial in range(100):
            damaged = bytearray(content)
            for place in rng.integers(0, len(content), 4):
                damaged[place] = rng.integers(256)
            path = tmp_path / f"{trial}.{suffix}"
            path.write_bytes(damaged[: rng.integers(1, len(content) + 1)] if trial % 2 else damaged)
            try:
                found = read_rgb(path)
                assert found.dtype == np.uint8 and found.shape[2] == 3
            except UserError as error:
                assert path.name in str(error)


def test_levels_are_numpy_s_to_the_last_bit() -> None:
    """At every half level, a step beside it, beyond both ends, and anywhere; in single precision and in double."""
    halves = (np.arange(-3, 515) / 510).astype(np.float32)
    near = [halves, np.nextafter(halves, np.float32(2)), np.nextafter(halves, np.float32(-2))]
    values = np.concatenate([*near, generator(0, "test", "levels").uniform(-0.2, 1.2, 90_000).astype(np.float32)])
    values = np.resize(values, (2, 3, 100, 151))
    expected = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    assert np.array_equal(to_levels(values), expected)
    assert np.array_equal(to_levels(values[:, :, ::2, ::3]), expected[:, :, ::2, ::3]), "not contiguous"
    assert np.array_equal(to_bytes(values), np.moveaxis(expected, 1, -1)) and to_bytes(values).flags.c_contiguous
    double = values.astype(np.float64)
    assert np.array_equal(to_levels(double), np.rint(np.clip(double, 0, 1) * 255).astype(np.uint8))
    assert to_levels(values[:0]).shape == (0, 3, 100, 151)
