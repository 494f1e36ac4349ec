"""The package face-alignment (1.5.0): 68 landmarks by 2DFAN4, in a fixed box.

Bulat and Tzimiropoulos, ICCV 2017; the mirrored image is included. The package's default detector
downloads a network of its own, and may fail. Here every image is aligned to FFHQ's template, so the
box is fixed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clrface.errors import UserError
from clrface.images import to_bytes
from clrface.intact import source_file
from clrface.metrics.networks import states

WEIGHTS = "face_alignment/2DFAN4-11f355bf06.pth"
BOX = (0.25, 0.25, 0.73, 0.91)
"""Left, top, right, bottom of the face, in shares of the image's sides: about where detectors have
it in FFHQ's template.
"""
INSTALL = "pip install 'clrface-bench[face-alignment]' && pip install --no-deps 'face-alignment>=1.5,<1.6'"
"""In two steps: its requirements bring an opencv-python that overwrites the headless one's files.
"""

Landmarks = Callable[[np.ndarray], np.ndarray]


def load(sources: Path) -> Landmarks:
    """Load the landmarks: (B, 3, H, W) RGB in [0, 1] to (B, 68, 2), in shares of the image's sides.

    Raises: UserError for weights that are missing or damaged, and without the package.
    """
    path = source_file(sources, WEIGHTS)
    try:
        import face_alignment  # pyright: ignore[reportMissingImports]
        from face_alignment.models import FAN  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise UserError(f"lmd_face_alignment needs the package '{error.name}', which isn't installed: {INSTALL}") from error

    class FromSources(face_alignment.FaceAlignment):
        """Reads its network from the fetched source, checked, instead of downloading it."""

        def _load_native(self, network_name: str, network_size: int, device: str, dtype: Any) -> Any:
            network = FAN(network_size)
            states.fill(network, states.read(path), path)
            return network

    kind = face_alignment.LandmarksType.TWO_D
    finder = FromSources(kind, device=str(states.device()), face_detector="folder", compile=False)

    def landmarks(images: np.ndarray) -> np.ndarray:
        return np.stack([_in_shares(finder, image) for image in to_bytes(images)])

    return landmarks


def landmarks(loaded: Landmarks, images: np.ndarray) -> np.ndarray:
    """Return `loaded(images)`, which LandmarkDistance calls: landmarks (x, y), (B, 68, 2), in units
    of the sides of images (B, 3, H, W) in [0, 1].
    """
    return loaded(images)


def _in_shares(finder: Any, image: np.ndarray) -> np.ndarray:
    sides = np.array([image.shape[1], image.shape[0]])
    (points,) = finder.get_landmarks_from_image(image, detected_faces=[np.array(BOX) * np.tile(sides, 2)])
    return points / sides
