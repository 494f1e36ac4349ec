# dlib-bin ships no types.
# pyright: reportAttributeAccessIssue=false
"""dlib's face recogniser (ResNet, 128 numbers a face), on aligned faces without a detector.

dlib cuts a 150 px chip around the landmarks that it finds. Every image of this benchmark is aligned
to one template, so the chip is fixed. It is the square that dlib cuts for the mean landmarks of the
400 aligned ORL faces. It is the same for the restored image and the ground truth. No face is
aligned again before the comparison, which would hide a method's geometric errors, and detection
can't fail.
"""

from functools import partial
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from PIL import Image

from clrface.errors import reading
from clrface.images import to_bytes
from clrface.intact import fetched_again, source_file
from clrface.metrics.networks.memory import Features, remembered

WEIGHTS = "dlib/dlib_face_recognition_resnet_model_v1.dat"
CHIP_SHARE = 1.095
"""The chip's side in units of the image's side; both have the same centre."""
CHIP_PX = 150


def load(sources: Path) -> Any:
    """Load the recogniser from the folder of fetched sources.

    Raises: UserError for a file that is missing or damaged.
    """
    path = source_file(sources, WEIGHTS)
    with reading(f"{path} as dlib's recogniser", fetched_again(path)):
        return dlib.face_recognition_model_v1(str(path))


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load `embed` with the recogniser in `sources`; embeddings are kept in the folder `cache`, if
    given.
    """
    return remembered(lambda: partial(embed, load(sources)), cache, __name__, source_file(sources, WEIGHTS))


def embed(recogniser: Any, images: np.ndarray) -> np.ndarray:
    """Return embeddings, (B, 128) float64, of length about 1.4.

    Args:
        images: (B, 3, H, W) RGB in [0, 1], aligned to the template.
    """
    return np.array(recogniser.compute_face_descriptor([chip(image) for image in to_bytes(images)]))


def chip(image: np.ndarray) -> np.ndarray:
    """Cut the (150, 150, 3) uint8 chip of an aligned (H, W, 3) uint8 face, mirrored beyond its
    edge.
    """
    height, width = image.shape[:2]
    margin = max(1, -(-max(height, width) * 5 // 100))  # whole pixels, at least the 4.75 % that are needed
    padded = Image.fromarray(np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="reflect"))
    beyond = (CHIP_SHARE - 1) / 2
    left, top = margin - beyond * width, margin - beyond * height
    box = (left, top, left + CHIP_SHARE * width, top + CHIP_SHARE * height)
    return np.asarray(padded.resize((CHIP_PX, CHIP_PX), Image.Resampling.BICUBIC, box=box))
