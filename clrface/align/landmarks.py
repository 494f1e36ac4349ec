# dlib-bin ships no types.
# pyright: reportAttributeAccessIssue=false
"""Find a face's eyes and mouth: dlib's HOG detector, then its 68-point predictor.

Kazemi and Sullivan 2014.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import dlib
import numpy as np

from clrface.errors import UserError, reading
from clrface.intact import fetched_again, intact

Fallback = Literal["none", "centre", "lfw"]
PREDICTOR = "shape_predictor_68_face_landmarks.dat"

MARGIN = 0.2
"""The image's edge is extended by this share of its shorter side, since a close crop leaves the
detector no room.
"""

ATTEMPTS = (("hog", 200, False), ("hog enlarged", 400, False), ("hog equalised", 400, True))
"""Tried in this order: name, the shorter side in pixels to which a smaller image is enlarged,
contrast equalised (CLAHE).
"""

BOXES = {"centre": (0.07, 0.22, 0.94, 0.96), "lfw": (0.27, 0.27, 0.73, 0.73)}
"""Left, top, right, bottom of a fallback's face box, in shares of the image. `centre`: the median
found in ORL. `lfw`: LFW's photographs are 2.2 times as wide as the box in which Viola and Jones's
detector had found their face (LFW's README).
"""


@dataclass(frozen=True)
class Face:
    """A found face: the 68 points, (68, 2) in the source's pixels, and the attempt that found it."""

    points: np.ndarray
    found_by: str

    @property
    def landmarks(self) -> np.ndarray:
        """Return left eye, right eye (as seen in the image), mouth centre, (3, 2): means of six,
        six and two points.

        They are rounded to 0.01 pixel, as the index records them, so that a row of it is enough to
        cut the same square again.
        """
        centres = np.stack([self.points[36:42].mean(0), self.points[42:48].mean(0), self.points[[48, 54]].mean(0)])
        return np.round(centres, 2)


class FaceFinder:
    """dlib's detector and predictor, loaded once; the same image always gives the same points.

    `dlib_folder` holds the fetched predictor file. With a fallback, for images known to be of one
    centred face, the predictor is started from its box in `BOXES` when the detector finds nothing.
    `find` then returns a face for every image.
    """

    def __init__(self, dlib_folder: Path, fallback: Fallback = "none") -> None:
        """Raises: UserError when the predictor file is missing or damaged."""
        path = Path(dlib_folder) / PREDICTOR
        if not path.is_file():
            raise UserError(f"No landmark model at {path}. Fetch the source 'dlib' first: python -m clrface fetch dlib")
        self._detector = dlib.get_frontal_face_detector()
        with reading(f"{path} as dlib's predictor", fetched_again(path)):
            self._predictor = dlib.shape_predictor(str(intact(path)))
        self._fallback = fallback

    def find(self, rgb: np.ndarray) -> Face | None:
        """Return the largest face in (H, W, 3) uint8 RGB, None if there is none; with a fallback,
        the largest that contains the image's middle.
        """
        for name, side, equalised in ATTEMPTS:
            view, scale, margin = _prepare(rgb, side, equalised)
            middle = dlib.point(view.shape[1] // 2, view.shape[0] // 2)
            boxes = [box for box in self._detector(view) if self._fallback == "none" or box.contains(middle)]
            if boxes:
                largest = max(boxes, key=lambda box: box.area())
                return self._predict(view, largest, scale, margin, name)
        if self._fallback != "none":
            view, scale, margin = _prepare(rgb, ATTEMPTS[0][1], equalised=False)
            return self._predict(view, _box(view, margin, BOXES[self._fallback]), scale, margin, self._fallback)
        return None

    def _predict(self, view: np.ndarray, box: dlib.rectangle, scale: float, margin: int, name: str) -> Face:
        shape = self._predictor(view, box)
        seen = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)
        return Face((seen - margin + 0.5) / scale - 0.5, name)


def _prepare(rgb: np.ndarray, side: int, equalised: bool) -> tuple[np.ndarray, float, int]:
    """Return the detector's image, and the enlargement and margin in pixels that map back."""
    scale = max(1.0, side / min(rgb.shape[:2]))
    if scale > 1:
        rgb = cv2.resize(rgb, (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)), interpolation=cv2.INTER_CUBIC)
    if equalised:
        grey = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(4, 4)).apply(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        rgb = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    margin = round(MARGIN * min(rgb.shape[:2]))
    # Drawn out, not mirrored: a mirrored edge could show a second face.
    return cv2.copyMakeBorder(rgb, margin, margin, margin, margin, cv2.BORDER_REPLICATE), scale, margin


def _box(view: np.ndarray, margin: int, shares: tuple[float, float, float, float]) -> dlib.rectangle:
    height, width = view.shape[0] - 2 * margin, view.shape[1] - 2 * margin
    left, top, right, bottom = shares
    return dlib.rectangle(*(margin + round(share) for share in (left * width, top * height, right * width, bottom * height)))
