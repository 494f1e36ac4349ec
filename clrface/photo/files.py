"""Photographs on disk: pixels in 8 or 16 bits, upright, with alpha, EXIF and colour profile, read
and written back.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

from clrface.errors import UserError
from clrface.files import atomic_path
from clrface.images import TURNS, opened, orientation, refuse_frames

WRITTEN = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
"""Suffixes of the formats that are written; a photograph of another one becomes PNG."""
WITHOUT_ALPHA = ("JPEG", "BMP")
JPEG_QUALITY = 95
STRUCTURE = {254, 255, *range(256, 260), 262, 266, 273, *range(277, 280), 284, 317, 320, *range(322, 326), 330, 338, 339, 700, 34675}
"""Tags of a TIFF that say how its own pixels lie in it, not what the photograph is."""
UPRIGHT = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: array.swapaxes(0, 1)[:, ::-1],
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: array.swapaxes(0, 1)[::-1],
}
"""EXIF's orientation: what makes an array of pixels upright."""


@dataclass(frozen=True)
class Photo:
    """A photograph, upright."""

    pixels: np.ndarray
    """(H, W, 3) RGB, uint8 or uint16, in the colour space of its profile."""
    alpha: np.ndarray | None = None
    """(H, W) of the same type; None for an opaque photograph."""
    grey: bool = False
    """Whether the file has one channel: it is written so again."""
    exif: bytes = b""
    """With orientation 1, since the pixels are upright."""
    icc: bytes | None = None

    @property
    def eight_bits(self) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB, of 16 bits the higher byte."""
        return self.pixels if self.pixels.dtype == np.uint8 else (self.pixels >> 8).astype(np.uint8)

    def with_pixels(self, pixels: np.ndarray) -> "Photo":
        """Return the photograph with other pixels, (H', W', 3) of its type; alpha is resized too."""
        height, width = pixels.shape[:2]
        alpha = self.alpha
        if alpha is not None and alpha.shape != (height, width):
            alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_CUBIC)
        return replace(self, pixels=pixels, alpha=alpha)


def read_photo(path: Path) -> Photo:
    """Read a photograph. CMYK becomes sRGB by its profile; palette and bilevel images become RGB or
    grey.

    Raises: UserError, naming the file, for one that is missing, damaged, no image, too large, or of
    several frames; for float and 32-bit integers, whose black and white are unknown; and for 16
    bits in other files than plain PNG and TIFF.
    """
    with opened(path) as image:
        refuse_frames(image, path)
        turn, exif, icc = orientation(image), _upright_exif(image), image.info.get("icc_profile")
        if _has_16_bits(image, path):
            return _read_16_bits(path, turn, exif, icc)
        image.load()
        if image.mode == "CMYK" and icc:
            image, icc = _to_srgb(image, icc), None
        flat = image if turn not in TURNS else image.transpose(TURNS[turn])
        if flat.mode in ("F", "I") or flat.mode.startswith("I;"):
            raise UserError(f"{path} has values of a kind ({flat.mode}) whose black and white are unknown. Save it with 8 or 16 bits.")
        grey = flat.mode in ("1", "L", "LA")
        if flat.has_transparency_data:
            rgba = np.array(flat.convert("RGBA"))
            return Photo(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3].copy(), grey, exif, icc)
        return Photo(np.array(flat.convert("RGB")), None, grey, exif, icc)


def written_name(path: Path) -> str:
    """Return the name under which a photograph is written: its own, or with the suffix .png where
    its format can't be written.
    """
    return path.name if path.suffix.lower() in WRITTEN else f"{path.stem}.png"


def write_photo(path: Path, photo: Photo) -> None:
    """Write a photograph by its suffix, whole or not at all. JPEG has quality 95 and full colour
    resolution; in the other formats no visible pixel changes.

    Lost are: EXIF and profile in BMP, EXIF in 16-bit TIFF. Grey with alpha becomes RGB in 16 bits.

    Raises: UserError for a suffix that can't be written, for alpha in a format without it, and for
    16 bits in others than PNG and TIFF.
    """
    kind = WRITTEN.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"Can't write {path}: found the suffix '{path.suffix}', expected one of {', '.join(WRITTEN)}.")
    if photo.alpha is not None and kind in WITHOUT_ALPHA:
        raise UserError(f"Can't write {path}: the photograph has an alpha channel, and {kind} has none. Use .png, .webp or .tif.")
    if photo.pixels.dtype == np.uint16:
        _write_16_bits(path, photo, kind)
        return
    image = Image.fromarray(_channels(photo))
    settings = {"JPEG": {"quality": JPEG_QUALITY, "subsampling": 0}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}
    extra = {"exif": photo.exif} if photo.exif and kind != "BMP" else {}
    extra |= {"icc_profile": photo.icc} if photo.icc and kind != "BMP" else {}
    with atomic_path(path) as temporary:
        image.save(temporary, format=kind, **settings.get(kind, {}), **extra)


def _channels(photo: Photo) -> np.ndarray:
    """The pixels with the channels that the file is to have: grey, grey and alpha, RGB or RGBA."""
    colour = photo.pixels
    if photo.grey:
        colour = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY) if (photo.pixels != photo.pixels[..., :1]).any() else photo.pixels[..., 0]
    if photo.alpha is None:
        return colour
    return np.dstack([colour, photo.alpha])


def _upright_exif(image: Image.Image) -> bytes:
    """The file's EXIF data with orientation 1; empty where there is none, or none that can be read."""
    try:
        exif = image.getexif()
        for tag in STRUCTURE & exif.keys():
            del exif[tag]
        if not exif:
            return b""
        exif[ExifTags.Base.Orientation] = 1
        return exif.tobytes()
    except Exception:  # damaged EXIF data is dropped, the photograph is still one
        return b""


def _to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """CMYK to RGB by its own profile, or as Pillow does where the profile can't be used."""
    try:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
    except ImageCms.PyCMSError:
        converted = None
    return converted or image.convert("RGB")


def _has_16_bits(image: Image.Image, path: Path) -> bool:
    """Whether a PNG or TIFF stores 16 bits a channel. Pillow itself would cut colour to 8."""
    if image.format == "PNG":
        with path.open("rb") as handle:
            return handle.read(25)[24:] == b"\x10"
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(258, (8,))[0] == 16


def _read_16_bits(path: Path, turn: int, exif: bytes, icc: bytes | None) -> Photo:
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        raise UserError(f"Can't read {path} with 16 bits. Save it as a plain PNG or TIFF of 8 or 16 bits.")
    found = np.ascontiguousarray(UPRIGHT.get(turn, np.asarray)(found))
    if found.ndim == 2:
        return Photo(np.repeat(found[..., None], 3, 2), None, True, exif, icc)
    alpha = found[..., 3].copy() if found.shape[2] == 4 else None
    opaque = alpha is None or bool((alpha == 65535).all())
    return Photo(np.ascontiguousarray(found[..., 2::-1]), None if opaque else alpha, False, exif, icc)


def _write_16_bits(path: Path, photo: Photo, kind: str) -> None:
    if kind not in ("PNG", "TIFF"):
        raise UserError(f"Can't write {path}: the photograph has 16 bits a channel, and {kind} has 8. Use .png or .tif.")
    # No reader of 16 bits knows grey with alpha: it becomes colour.
    channels = _channels(replace(photo, grey=photo.grey and photo.alpha is None))
    with atomic_path(path) as temporary:
        if kind == "TIFF":
            _write_tiff(temporary, channels, photo)
        else:
            temporary.write_bytes(_png_of_16_bits(channels, photo))


def _write_tiff(path: Path, channels: np.ndarray, photo: Photo) -> None:
    """OpenCV would drop a TIFF's colour profile. EXIF data isn't written."""
    photometric = "minisblack" if channels.ndim == 2 else "rgb"
    extra = ["unassalpha"] if photo.alpha is not None else None
    tifffile.imwrite(path, channels, photometric=photometric, compression="zlib", iccprofile=photo.icc, metadata=None, extrasamples=extra)


def _png_of_16_bits(channels: np.ndarray, photo: Photo) -> bytes:
    """Pillow has no 16 bits of colour; OpenCV has, in the order BGR."""
    bgr = channels if channels.ndim == 2 else np.dstack([channels[..., 2::-1], channels[..., 3:]])
    metadata = {cv2.IMAGE_METADATA_EXIF: photo.exif.removeprefix(b"Exif\0\0"), cv2.IMAGE_METADATA_ICCP: photo.icc}
    there = {key: np.frombuffer(value, np.uint8) for key, value in metadata.items() if value}
    _, coded = cv2.imencodeWithMetadata(".png", bgr, list(there), list(there.values()))
    return coded.tobytes()
