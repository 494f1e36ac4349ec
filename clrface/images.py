"""Images on disk and in memory: read as 8-bit RGB, written as PNG."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from clrface.errors import UserError
from clrface.files import atomic_path

NO_IMAGES = ("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF")
"""Formats that Pillow knows by name but can't read by itself, or not as an image."""
BY_CONTENT = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Formats by which a file without a suffix is recognised: their first bytes are unmistakable."""
FRAMED = ("GIF", "WEBP", "PNG", "TIFF", "AVIF")
"""Formats whose frames are images of their own; a PSD's are layers, an MPO's second one a preview.
"""
SIXTEEN_BITS = ("PNG", "PPM", "JPEG2000")
"""Formats whose integers beyond 8 bits Pillow converts to 16 bits, in mode `I` too."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation: what makes the image upright."""
PCX_PX = 4
"""The least width of a PCX file that Pillow 12.3 reads rightly in colour."""


@cache
def image_suffixes() -> frozenset[str]:
    """Return the suffixes, in lower case, of the formats that Pillow reads here."""
    Image.init()
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if name in Image.OPEN and name not in NO_IMAGES)


def is_image_by_content(path: Path) -> bool:
    """Return whether the file's first bytes are those of a common image format."""
    try:
        with Image.open(path, formats=BY_CONTENT):
            return True
    except Exception:  # a decoder may raise anything on what isn't its own
        return False


def read_rgb(path: Path) -> np.ndarray:
    """Read an image as (H, W, 3) uint8 RGB, upright by its EXIF orientation.

    Grey, bilevel, palette, CMYK, YCbCr and an opaque alpha channel become RGB. Colour profiles are
    not applied. 16 bit keeps the higher byte, as Pillow does for colour. Float must lie in [0, 1].

    Raises: UserError, naming the file, for one that is missing, truncated, no image or too large.
    Also for one whose 8-bit value is ambiguous: transparent pixels, several frames, integers of
    another range, float outside of [0, 1].
    """
    with opened(path) as image:
        refuse_frames(image, path)
        image.load()
        turn = TURNS.get(orientation(image))
        return _to_rgb(image if turn is None else image.transpose(turn), path)


def read_size(path: Path) -> tuple[int, int]:
    """Return width and height of `read_rgb`'s image, from the file's header alone.

    Raises: UserError for a file that is no image.
    """
    with opened(path) as image:
        width, height = image.size
        turned = image.format != "TIFF" and orientation(image) >= 5  # Pillow tells a TIFF's size upright
        return (height, width) if turned else (width, height)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file.

    Raises: UserError, naming the file, for one that is missing, damaged, no image or too large.
    """
    try:
        with Image.open(path) as image:
            if image.format == "PCX" and image.width < PCX_PX:
                raise UserError(f"{path} is a PCX file {image.width} px wide; below {PCX_PX} px Pillow reads it wrongly. Save it as PNG.")
            yield image
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"No image at {path}. Expected an image there: run the step that makes it, or correct the path.") from None
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large to be read safely ({error}) Scale it down, or crop it.") from error
    except Exception as error:  # a decoder may raise anything on damaged bytes
        told = "no format that Pillow knows" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
        raise UserError(
            f"Can't read {path} as an image ({told}). It is truncated or not an image: "
            "replace it with a good copy, or remove it from its folder."
        ) from error


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation; 1, upright, where there is none or the EXIF data can't be read."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data says nothing, and the image is still one
        return 1
    return found if found in TURNS else 1


def refuse_frames(image: Image.Image, path: Path) -> None:
    """Raise UserError for a file of several frames that are images of their own."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format in FRAMED:
        raise UserError(f"{path} has {frames} frames, expected 1 image. Save the one that is meant as a file of its own.")


def _to_rgb(image: Image.Image, path: Path) -> np.ndarray:
    """Return the pixels of a loaded image as (H, W, 3) uint8. Raises: UserError."""
    if image.mode == "F":
        return _repeated(_from_float(np.asarray(image), path))
    if image.mode.startswith("I"):
        _refuse_other_ranges(image, path)
        return _repeated((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    hidden = int((rgba[..., 3] < 255).sum())
    if hidden:
        raise UserError(
            f"{path} is transparent in {hidden} of {rgba[..., 3].size} pixels, and what lies behind is unknown. "
            "Put it on a background and save it without alpha."
        )
    return np.ascontiguousarray(rgba[..., :3])


def _from_float(values: np.ndarray, path: Path) -> np.ndarray:
    """Convert [0, 1] to 8 bit. Raises: UserError for another range, and NaN."""
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise UserError(f"{path} has float values from {low:g} to {high:g}, expected [0, 1]. Scale it, or save it with 8 bits.")
    return np.rint(values * 255.0).astype(np.uint8)


def _refuse_other_ranges(image: Image.Image, path: Path) -> None:
    """Refuse integers that are not 16 bits from black to white."""
    tags = getattr(image, "tag_v2", {})
    bits, photometric = tags.get(258, (16,))[0], tags.get(262, 1)
    sixteen = image.mode.startswith("I;16") or image.format in SIXTEEN_BITS
    if not sixteen or bits != 16 or photometric != 1 or "transparency" in image.info:
        raise UserError(f"{path} has grey values of a kind whose black and white are unknown. Save it with 8 bits, or as 16-bit PNG.")


def _repeated(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG, whole or not at all.

    Raises: ValueError for another shape or type; UserError as `atomic_path`.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"Expected (H, W, 3) uint8, found {rgb.shape} {rgb.dtype}.")
    with atomic_path(Path(path)) as temporary:
        Image.fromarray(rgb).save(temporary, format="PNG")


def check_rgb(image: object, types: Sequence[str] = ("uint8",)) -> None:
    """Check an image that a user gave to a function: (H, W, 3), of one of the `types`.

    Raises: UserError for anything else.
    """
    if isinstance(image, np.ndarray):
        if image.ndim == 3 and image.shape[2] == 3 and image.size and image.dtype.name in types:
            return
        found = f"an image of shape {image.shape} and type {image.dtype}"
    else:
        found = f"a {type(image).__name__}"
    raise UserError(
        f"Found {found}, expected (H, W, 3) {' or '.join(types)} RGB. Convert it: numpy.asarray of a Pillow image in mode RGB, "
        "or (255 * x).round().astype('uint8') of floats in [0, 1]."
    )


def check_square(rgb: np.ndarray, name: object, advice: str) -> None:
    """Check that an aligned face, (H, W, 3), is a square.

    Args:
        name: the image's, for the message.
        advice: what to do, the last sentence of the message.

    Raises: UserError for another rectangle.
    """
    height, width = rgb.shape[:2]
    if height != width:
        raise UserError(f"{name} is {width}x{height} pixels, expected a square: an aligned face. {advice}")


def to_unit(rgb: np.ndarray) -> np.ndarray:
    """Convert (..., H, W, 3) uint8 in [0, 255] to (..., 3, H, W) float32 in [0, 1]."""
    return np.moveaxis(rgb, -1, -3).astype(np.float32) / 255.0


def to_bytes(unit: np.ndarray) -> np.ndarray:
    """Convert (..., 3, H, W) float, clipped to [0, 1] and rounded, to (..., H, W, 3) uint8."""
    return np.ascontiguousarray(np.moveaxis(to_levels(unit), -3, -1))


def to_levels(unit: np.ndarray) -> np.ndarray:
    """Convert (..., H, W) float, clipped to [0, 1], to uint8 of the same shape, rounded half to even.

    OpenCV converts single precision in two passes, about ten times as fast as NumPy, to the same
    levels.
    """
    if unit.dtype != np.float32 or not unit.size:
        return np.rint(np.clip(unit, 0.0, 1.0) * 255.0).astype(np.uint8)
    import cv2  # here: most of what reads images does without it

    rows = np.ascontiguousarray(unit).reshape(-1, unit.shape[-1])
    positive = cv2.threshold(rows, 0, 0, cv2.THRESH_TOZERO)[1]  # convertScaleAbs would mirror the negative ones
    return cv2.convertScaleAbs(positive, alpha=255.0).reshape(unit.shape)
