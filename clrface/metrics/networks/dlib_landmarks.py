# dlib-bin ships no types.
# pyright: reportAttributeAccessIssue=false
"""dlib's 68 landmarks, on aligned faces without a detector.

The predictor starts from a face's box. Every image of this benchmark is aligned to one template, so
the box is fixed. It is the mean box that dlib's detector finds on the 400 ORL faces, in the
template's frame. It is the same for the restored image and the ground truth.
"""

from pathlib import Path
from typing import Any

import dlib
import numpy as np
from PIL import Image

from clrface.errors import reading
from clrface.images import to_bytes
from clrface.intact import fetched_again, source_file

BOX_CENTRE = (0.50, 0.49)
BOX_SIDE = 0.95
"""The face's box in units of the image's side."""
SIDE_PX = 512
"""Images are resized to this size for the predictor, which returns whole pixels: an eighth of a
pixel at 64.
"""


def load(sources: Path) -> Any:
    """Load the predictor from the folder of fetched sources.

    Raises: UserError for a file that is missing or damaged.
    """
    path = source_file(sources, "dlib/shape_predictor_68_face_landmarks.dat")
    with reading(f"{path} as dlib's predictor", fetched_again(path)):
        return dlib.shape_predictor(str(path))


def landmarks(predictor: Any, images: np.ndarray) -> np.ndarray:
    """Return landmarks (x, y), (B, 68, 2), in units of the image's sides.

    Args:
        images: (B, 3, H, W) RGB in [0, 1], aligned to the template.
    """
    return np.array([_of_one(predictor, image) for image in to_bytes(images)])


def _of_one(predictor: Any, image: np.ndarray) -> np.ndarray:
    large = np.asarray(Image.fromarray(image).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))
    left, top = (round((centre - BOX_SIDE / 2) * SIDE_PX) for centre in BOX_CENTRE)
    side = round(BOX_SIDE * SIDE_PX)
    found = predictor(large, dlib.rectangle(left, top, left + side - 1, top + side - 1))
    return (np.array([(point.x, point.y) for point in found.parts()]) + 0.5) / SIDE_PX
