"""What `import clrface` offers says what is wrong with what it was given."""

from typing import Any

import numpy as np
import pytest

import clrface
from clrface.errors import UserError

NO_IMAGES = {
    "float": (np.zeros((8, 8, 3), np.float32), r"shape \(8, 8, 3\) and type float32"),
    "one channel": (np.zeros((8, 8), np.uint8), r"shape \(8, 8\) and type uint8"),
    "four channels": (np.zeros((8, 8, 4), np.uint8), r"shape \(8, 8, 4\) and type uint8"),
    "no pixel": (np.zeros((0, 0, 3), np.uint8), r"shape \(0, 0, 3\) and type uint8"),
    "a path": ("face.png", "a str"),
}


@pytest.mark.parametrize(("image", "found"), NO_IMAGES.values(), ids=list(NO_IMAGES))
def test_a_photograph_of_another_kind_is_refused_before_anything_is_loaded(image: Any, found: str) -> None:
    with pytest.raises(UserError, match=rf"Found .*{found}, expected \(H, W, 3\) uint8 or uint16 RGB\. Convert it"):
        clrface.restore(image, "no such method")


@pytest.mark.parametrize(("image", "found"), NO_IMAGES.values(), ids=list(NO_IMAGES))
def test_a_face_of_another_kind_is_not_degraded(image: Any, found: str) -> None:
    with pytest.raises(UserError, match=rf"Found .*{found}, expected \(H, W, 3\) uint8 RGB\. Convert it"):
        clrface.degrade(image, "blind")


@pytest.mark.parametrize("degradation", ["blind", "x4"])
def test_a_face_that_is_no_square_is_not_degraded(degradation: str) -> None:
    with pytest.raises(UserError, match=r"The image is 40x30 pixels, expected a square: an aligned face\. Crop it"):
        clrface.degrade(np.zeros((30, 40, 3), np.uint8), degradation)


def test_sample_faces_have_the_size_that_was_asked_for() -> None:
    faces = clrface.sample_faces(3, size=64)
    assert [face.shape for face in faces] == [(64, 64, 3)] * 3 and all(face.dtype == np.uint8 for face in faces)
    assert not np.array_equal(faces[0], faces[1])


@pytest.mark.parametrize("given", [{"count": 0}, {"count": 161}, {"size": 0}, {"size": 129}])
def test_sample_faces_out_of_range_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(UserError, match="expected 1 to 160 faces of at most 128 pixels"):
        clrface.sample_faces(**given)
