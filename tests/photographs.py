"""Photographs that tests are made of: shipped generated faces, blurred, on a grey wall."""

import cv2
import numpy as np
from PIL import ExifTags, Image

from clrface.catalogue import GENERATED
from clrface.images import read_rgb

PEOPLE = sorted(path.stem for path in GENERATED.glob("*.png"))[:5]


def face(number: int) -> np.ndarray:
    """A generated face, (128, 128, 3), aligned by the template `utkface`."""
    return read_rgb(GENERATED / f"{PEOPLE[number]}.png")


def scene(*places: tuple[int, int, int], size: tuple[int, int] = (400, 640)) -> np.ndarray:
    """Blurred faces on a grey wall: (left, top, side) each. A face is set into more of its own colours, as a head is."""
    wall = np.full((*size, 3), 150, np.uint8)
    for number, (left, top, side) in enumerate(places):
        small = cv2.GaussianBlur(cv2.resize(face(number), (side, side), interpolation=cv2.INTER_AREA), (0, 0), max(0.6, side / 90))
        wall[top : top + side, left : left + side] = small
    return wall


def exif(turn: int = 1) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Make], tags[ExifTags.Base.Orientation] = "a camera", turn
    return tags.tobytes()
