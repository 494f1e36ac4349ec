"""Images of every format, mode and size, whole and damaged, through the reader and `clrface evaluate`."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.breaking.damage import damaged
from benchmarks.breaking.ledger import Attempt, Wrong
from clrface.cli import main
from clrface.errors import UserError
from clrface.images import PCX_PX, read_rgb, read_size, write_png

ORIENTATION = 0x0112
TURNED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
"""EXIF's orientation to the upright image, by numpy: the reader uses Pillow."""


class Case(NamedTuple):
    """An image file. `expected`: its right pixels, (H, W, 3) uint8; None where only a refusal is right."""

    suffix: str
    content: bytes
    expected: np.ndarray | None
    exact: bool = True
    """Whether the format keeps every pixel."""


def trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """One file: made, perhaps damaged, read, and measured against its right pixels."""
    kind = rng.choice(list(KINDS))
    case = KINDS[kind](rng, _pixels(rng))
    harm, content = damaged(rng, case.content) if rng.random() < 0.5 else ("whole", case.content)
    return Attempt(f"{kind}, {harm}", lambda: _judge(folder, case, content, harm == "whole"))


def _judge(folder: Path, case: Case, content: bytes, whole: bool) -> None:
    path = folder / "pred" / f"face{case.suffix}"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    try:
        found = read_rgb(path)
    except UserError as error:
        if str(path) not in str(error):
            raise Wrong(f"the message doesn't name the file: {error}") from error
        if whole and case.expected is not None:
            raise Wrong(f"a whole image is refused: {error}") from error
        _evaluate(folder, path.parent, None)
        raise
    if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3:
        raise Wrong(f"read as {found.shape} {found.dtype}")
    if whole:
        _check_pixels(found, case)
    if read_size(path) != found.shape[1::-1]:
        raise Wrong(f"read_size says {read_size(path)}, the image has {found.shape[1::-1]}")
    _evaluate(folder, path.parent, found)


def _check_pixels(found: np.ndarray, case: Case) -> None:
    if case.expected is None:
        raise Wrong("an image whose value nobody can tell was read")
    if found.shape != case.expected.shape:
        raise Wrong(f"read as {found.shape}, expected {case.expected.shape}")
    if case.exact and not np.array_equal(found, case.expected):
        raise Wrong(f"differs by up to {np.abs(found.astype(int) - case.expected).max()} of 255")


def _evaluate(folder: Path, pred: Path, found: np.ndarray | None) -> None:
    """`clrface evaluate` agrees: infinite PSNR against the pixels that were read, or one message for a file that is refused."""
    write_png(folder / "truth" / "face.png", np.zeros((8, 8, 3), np.uint8) if found is None else found)
    out, err = io.StringIO(), io.StringIO()
    words = ["evaluate", "--pred", str(pred), "--gt", str(folder / "truth"), "--metrics", "psnr", "--bootstrap", "2"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said = err.getvalue()
    if "Traceback" in said or "Traceback" in out.getvalue():
        raise Wrong(f"evaluate shows a traceback: {said[-300:]}")
    if found is None and (code == 0 or "clrface evaluate:" not in said):
        raise Wrong(f"evaluate ended with {code} for a file that is refused: {said[-300:]}")
    if found is not None and (code != 0 or " inf" not in out.getvalue()):
        raise Wrong(f"evaluate ended with {code} and no infinite PSNR: {said[-300:]} {out.getvalue()[:300]}")


def _pixels(rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8, of sizes from 1x1 on, noise over a ramp."""
    height, width = (int(side) for side in rng.choice([1, 2, 3, 7, 16, 33, 64, 200], 2))
    ramp = np.linspace(0, 200, height)[:, None, None] + np.linspace(0, 50, width)[None, :, None]
    return np.clip(ramp + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def _grey(rgb: np.ndarray) -> np.ndarray:
    return np.repeat(rgb[..., :1], 3, axis=2)


def _colour(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix, options = [
        ("PNG", ".png", {}),
        ("BMP", ".bmp", {}),
        ("TIFF", ".tif", {}),
        ("TIFF", ".tiff", {"compression": "tiff_lzw"}),
        ("PPM", ".ppm", {}),
        ("TGA", ".tga", {}),
        ("WEBP", ".webp", {"lossless": True}),
        ("JPEG2000", ".jp2", {"irreversible": False}),
        ("PNG", "", {}),
        ("PCX", ".pcx", {}),
    ][rng.integers(10)]
    unreadable = name == "PCX" and rgb.shape[1] < PCX_PX
    return Case(suffix, _saved(Image.fromarray(rgb), name, **options), None if unreadable else rgb)


def _lossy(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("JPEG", ".jpg"), ("WEBP", ".webp"), ("JPEG", ".jfif"), ("AVIF", ".avif")][rng.integers(4)]
    return Case(suffix, _saved(Image.fromarray(rgb), name, quality=int(rng.integers(1, 96))), rgb, exact=False)


def _eight_bit_grey(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("PNG", ".png"), ("TIFF", ".tif"), ("PPM", ".pgm"), ("BMP", ".bmp")][rng.integers(4)]
    return Case(suffix, _saved(Image.fromarray(rgb[..., 0]), name), _grey(rgb))


def _bilevel(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("PNG", ".png"), ("TIFF", ".tif"), ("PPM", ".pbm"), ("BMP", ".bmp")][rng.integers(4)]
    bits = rgb[..., 0] > 127
    return Case(suffix, _saved(Image.fromarray(bits), name), _grey(rgb * 0 + 255 * bits[..., None].astype(np.uint8)))


def _palette(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("PNG", ".png"), ("GIF", ".gif"), ("BMP", ".bmp"), ("TIFF", ".tif")][rng.integers(4)]
    colours, places = rng.integers(0, 256, (256, 3), dtype=np.uint8), rgb[..., 0]
    image = Image.fromarray(places, "P")
    image.putpalette(colours.tobytes())
    return Case(suffix, _saved(image, name), colours[places])


def _alpha(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix, options = [("PNG", ".png", {}), ("WEBP", ".webp", {"lossless": True, "exact": True}), ("TIFF", ".tif", {})][
        rng.integers(3)
    ]
    opaque = bool(rng.integers(2))
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    if not opaque:
        alpha.flat[rng.integers(alpha.size)] = rng.integers(255)
    return Case(suffix, _saved(Image.fromarray(np.dstack([rgb, alpha])), name, **options), rgb if opaque else None)


def _sixteen_bits(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("PNG", ".png"), ("TIFF", ".tif"), ("PPM", ".pgm")][rng.integers(3)]
    values = rgb[..., 0].astype(np.uint16) * 256 + rng.integers(0, 256, rgb.shape[:2], dtype=np.uint16)
    return Case(suffix, _saved(Image.fromarray(values), name), _grey(rgb))


def _float(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    values, inside = rgb[..., 0].astype(np.float32) / 255, rng.random() < 0.5
    if not inside:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, -0.1, 1.5, 255.0, np.inf])
    return Case(".tif", _saved(Image.fromarray(values), "TIFF"), _grey(rgb) if inside else None)


def _integers(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    return Case(".tif", _saved(Image.fromarray(rgb[..., 0].astype(np.int32) * 1000), "TIFF"), None)


def _cmyk(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    image = Image.fromarray(rgb).convert("CMYK")
    return Case(".tif", _saved(image, "TIFF"), np.asarray(image.convert("RGB")))


def _turned(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("PNG", ".png"), ("TIFF", ".tif"), ("WEBP", ".webp")][rng.integers(3)]
    turn = int(rng.integers(1, 9))
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    options = {"lossless": True} if name == "WEBP" else {}
    return Case(suffix, _saved(Image.fromarray(rgb), name, exif=exif, **options), TURNED[turn](rgb))


def _frames(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    name, suffix = [("GIF", ".gif"), ("TIFF", ".tif"), ("WEBP", ".webp"), ("PNG", ".png")][rng.integers(4)]
    other = Image.fromarray(255 - rgb)
    return Case(suffix, _saved(Image.fromarray(rgb), name, save_all=True, append_images=[other]), None)


def _bomb(rng: np.random.Generator, rgb: np.ndarray) -> Case:
    """A header that promises more pixels than Pillow reads."""
    content = bytearray(_saved(Image.fromarray(rgb[..., 0]), "PPM"))
    head = b"P5\n%d %d\n255\n" % (int(rng.integers(30_000, 10**6)), int(rng.integers(30_000, 10**6)))
    return Case(".pgm", head + bytes(content[-rgb[..., 0].size :]), None)


KINDS: dict[str, Callable[[np.random.Generator, np.ndarray], Case]] = {
    "colour": _colour,
    "lossy": _lossy,
    "grey": _eight_bit_grey,
    "bilevel": _bilevel,
    "palette": _palette,
    "alpha": _alpha,
    "16 bits": _sixteen_bits,
    "float": _float,
    "32-bit integers": _integers,
    "CMYK": _cmyk,
    "EXIF-turned": _turned,
    "frames": _frames,
    "bomb": _bomb,
}
