"""dlib's recogniser and landmarks on fixed geometry: the geometry is dlib's own, and people are told apart."""

from pathlib import Path

import dlib
import numpy as np
import pytest

from clrface.align.landmarks import FaceFinder
from clrface.images import to_unit
from clrface.metrics.identity import Cosine
from clrface.metrics.landmarks import LandmarkDistance
from clrface.metrics.networks import dlib_landmarks, dlib_recogniser

SAME_PERSON = 0.6
"""The distance under which dlib takes two photographs for one person."""


@pytest.fixture(scope="module")
def found_points(sources: Path, orl_faces: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """68 landmarks of the aligned faces as dlib's detector and predictor find them, in units of the side."""
    finder = FaceFinder(sources / "dlib")
    found = {image_id: finder.find(face) for image_id, face in orl_faces.items()}
    return {image_id: (face.points + 0.5) / 64 for image_id, face in found.items() if face is not None}


def test_the_chip_is_the_one_dlib_lays_around_these_faces(found_points: dict[str, np.ndarray]) -> None:
    mean = np.mean(list(found_points.values()), axis=0) * 10_000
    points = dlib.points([dlib.point(round(x), round(y)) for x, y in mean])
    details = dlib.get_face_chip_details(dlib.full_object_detection(dlib.rectangle(0, 0, 9999, 9999), points), 150, 0.25)
    assert len(found_points) >= 10
    assert details.rect.width() / 10_000 == pytest.approx(dlib_recogniser.CHIP_SHARE, abs=0.03)
    centre = details.rect.dcenter()
    assert (centre.x / 10_000, centre.y / 10_000) == pytest.approx((0.5, 0.5), abs=0.02)
    assert details.angle == pytest.approx(0, abs=0.02)


def test_the_chip_is_cut_where_it_says() -> None:
    """In an image of its own coordinates, the chip's centre is the image's, and its scale 1.095 sides on 150 pixels."""
    side = 300
    ramp = np.arange(side) * 255 / side
    across = np.rint(np.broadcast_to(ramp, (side, side))).astype(np.uint8)
    chip = dlib_recogniser.chip(np.stack([across, across.T, across], -1)).astype(float)
    assert chip.shape == (150, 150, 3)
    inside = slice(20, 130)
    slope = np.polyfit(np.arange(150)[inside], chip[75, inside, 0], 1)[0]
    assert slope == pytest.approx(255 * dlib_recogniser.CHIP_SHARE / 150, rel=0.01)
    assert chip[74:76, 74:76, 0].mean() == pytest.approx(127.5, abs=1)
    assert chip[74:76, 74:76, 1].mean() == pytest.approx(127.5, abs=1)


def test_people_are_told_apart(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    people = [image_id.split("_")[0] for image_id in orl_faces]
    embeddings = dlib_recogniser.embed(dlib_recogniser.load(sources), to_unit(np.stack(list(orl_faces.values()))))
    assert embeddings.shape == (len(people), 128)
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    places = [(i, j) for i in range(len(people)) for j in range(i)]
    same = [distances[i, j] for i, j in places if people[i] == people[j]]
    others = [distances[i, j] for i, j in places if people[i] != people[j]]
    assert max(same) < SAME_PERSON
    assert np.mean(np.array(others) > SAME_PERSON) > 0.9
    assert np.mean(same) == pytest.approx(0.3, abs=0.1)
    assert np.mean(others) == pytest.approx(0.76, abs=0.1)


def test_the_cosine_is_the_cosine(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    a, b = (to_unit(face)[None] for face in list(orl_faces.values())[1:3])
    metric = Cosine(sources, dlib_recogniser, normalise=True)
    metric.update(a, b)
    recogniser = dlib_recogniser.load(sources)
    x, y = dlib_recogniser.embed(recogniser, a)[0], dlib_recogniser.embed(recogniser, b)[0]
    assert metric.result()[0].value == pytest.approx(x @ y / np.sqrt(x @ x * (y @ y)), abs=1e-12)


def test_landmarks_from_the_fixed_box_lie_where_the_detector_leads(
    sources: Path, orl_faces: dict[str, np.ndarray], found_points: dict[str, np.ndarray]
) -> None:
    predictor = dlib_landmarks.load(sources)
    for image_id, expected in found_points.items():
        (points,) = dlib_landmarks.landmarks(predictor, to_unit(orl_faces[image_id])[None])
        assert np.linalg.norm(points - expected, axis=1).mean() < 0.03, image_id


def test_a_shifted_face_is_off_by_the_shift(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    """Nothing is aligned again before the comparison, so a method that moves the face is found out."""
    faces = to_unit(np.stack(list(orl_faces.values())[:6]))
    metric = LandmarkDistance(sources, dlib_landmarks)
    metric.update(np.roll(faces, 2, axis=3), faces)
    assert np.mean([score.value for score in metric.result()]) == pytest.approx(2, abs=0.5)


def test_landmark_distance_is_in_pixels_of_the_images(sources: Path, orl_faces: dict[str, np.ndarray]) -> None:
    """The same images at twice the resolution: twice the pixels."""
    pred, ref = (to_unit(face)[None] for face in list(orl_faces.values())[:2])
    values = []
    for factor in (1, 2):
        metric = LandmarkDistance(sources, dlib_landmarks)
        metric.update(*(image.repeat(factor, 2).repeat(factor, 3) for image in (pred, ref)))
        values.append(metric.result()[0].value)
    assert values[1] == pytest.approx(2 * values[0], rel=0.25)
