"""What `import clrface` offers says what is wrong with what it was given."""

import numpy as np
import pytest

import clrface
from clrface.errors import UserError


@pytest.mark.parametrize("image", [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8)])
def test_a_photograph_of_another_kind_is_refused_before_anything_is_loaded(image: np.ndarray) -> None:
    with pytest.raises(UserError, match=rf"shape \(8, 8.*type {image.dtype}, expected \(H, W, 3\) uint8 or uint16"):
        clrface.restore(image, "no such method")


def test_sample_faces_have_the_size_that_was_asked_for() -> None:
    faces = clrface.sample_faces(3, size=64)
    assert [face.shape for face in faces] == [(64, 64, 3)] * 3 and all(face.dtype == np.uint8 for face in faces)
    assert not np.array_equal(faces[0], faces[1])


@pytest.mark.parametrize("given", [{"count": 0}, {"count": 161}, {"size": 0}, {"size": 129}])
def test_sample_faces_out_of_range_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(UserError, match="expected 1 to 160 faces of at most 128 pixels"):
        clrface.sample_faces(**given)
