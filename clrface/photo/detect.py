"""Find every face of a photograph: OpenCV's YuNet (Wu et al., Machine Intelligence Research 2023),
at two sizes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from clrface.errors import UserError, reading
from clrface.intact import fetched_again, intact

MODEL = Path("yunet", "face_detection_yunet_2023mar_int8bq.onnx")
SOURCE = "yunet"
SCORE = 0.7
"""A detection below it isn't taken for a face."""
OVERLAP = 0.4
"""Two boxes that share more (intersection over union) are of one face: the better one stays."""
VIEWS = (640, 1600)
"""The longer side, in pixels, of the views that are searched: the first finds large faces, the
second small ones.
"""
LARGEST_ENLARGEMENT = 4.0
MARGIN = 0.1
"""The edge is drawn out by this share of a view's shorter side: a face at the border needs room."""
MOST_FACES = 5000


@dataclass(frozen=True)
class FoundFace:
    """A face in a photograph's pixels, the first pixel's centre at (0, 0)."""

    points: np.ndarray
    """Left eye, right eye (as seen in the image) and mouth centre, (3, 2)."""
    box: tuple[float, float, float, float]
    """Left, top, width, height."""
    score: float
    """The detector's, in [SCORE, 1]; higher is surer."""


class FindsFaces(Protocol):
    """What finds the faces of a photograph."""

    def find(self, rgb: np.ndarray) -> list[FoundFace]:
        """Return all faces of (H, W, 3) uint8 RGB, from left to right."""
        ...


class FaceDetector:
    """YuNet, loaded once. Detections don't depend on the order of photographs."""

    def __init__(self, sources: Path):
        """Read the network.

        Args:
            sources: the folder of fetched sources.

        Raises: UserError when the network's file is missing or damaged.
        """
        path = Path(sources) / MODEL
        if not path.is_file():
            raise UserError(f"No face detector at {path}. Fetch it first: clrface fetch {SOURCE}")
        with reading(f"{path} as a network", fetched_again(path)):
            self._network = cv2.FaceDetectorYN.create(str(intact(path)), "", (320, 320), SCORE, 0.3, MOST_FACES)

    def find(self, rgb: np.ndarray) -> list[FoundFace]:
        """Return all faces of (H, W, 3) uint8 RGB, from left to right; [] if there is none."""
        found = [face for scale in _scales(rgb.shape) for face in self._at(rgb, scale)]
        return sorted(_apart(found), key=lambda face: face.box[0])

    def _at(self, rgb: np.ndarray, scale: float) -> list[FoundFace]:
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        view = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        margin = round(MARGIN * min(view.shape[:2]))
        view = cv2.copyMakeBorder(view, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        self._network.setInputSize((view.shape[1], view.shape[0]))
        _, rows = self._network.detect(np.ascontiguousarray(view[..., ::-1]))
        return [] if rows is None else [_face(row, scale, margin) for row in rows]


def _scales(shape: tuple[int, ...]) -> list[float]:
    """The views' scales, those that are alike but once."""
    longer = max(shape[:2])
    scales = [min(view / longer, LARGEST_ENLARGEMENT) for view in VIEWS]
    return scales if scales[1] > 1.2 * scales[0] else scales[:1]


def _face(row: np.ndarray, scale: float, margin: int) -> FoundFace:
    """A row of YuNet's: box, then right eye, left eye, nose, right and left corner of the mouth
    (the person's own sides), score.
    """
    right_eye, left_eye, _, right_corner, left_corner = row[4:14].reshape(5, 2).astype(np.float64)
    points = np.stack([right_eye, left_eye, (right_corner + left_corner) / 2])  # the person's right eye is the image's left one
    left, top = (row[:2] - margin + 0.5) / scale - 0.5
    return FoundFace((points - margin + 0.5) / scale - 0.5, (float(left), float(top), *(row[2:4] / scale).tolist()), float(row[14]))


def _apart(faces: list[FoundFace]) -> list[FoundFace]:
    """The best detection of each face."""
    kept: list[FoundFace] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_shared(face.box, other.box) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def _shared(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    return common / (one[2] * one[3] + other[2] * other[3] - common)
