"""Features are computed once for all metrics and rows, and a cache changes no digit."""

from pathlib import Path

import numpy as np
import pytest

from clrface.images import to_unit
from clrface.metrics.networks.memory import remembered
from clrface.metrics.registry import load_metric, metric_cards
from tests.conftest import SOURCES

# Held against the faces' own truth; what asks for a gallery or a clean set has its tests in test_recognition and test_metrics_measure.
# The field's networks can't be fetched from the package index: tests/unit/test_protocols.py measures with them.
CACHED = [name for name, card in metric_cards().items() if card.cached and card.against == "truth" and set(card.assets) <= set(SOURCES)]
MODULE = "clrface.metrics.networks.effnet"


@pytest.fixture(scope="module")
def faces(orl_faces: dict[str, np.ndarray]) -> np.ndarray:
    return to_unit(np.stack(list(orl_faces.values())[:4]))


class Counted:
    """Mean colours, and how many images were asked for at a time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.asked.append(len(images))
        return images.mean((2, 3))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "weights").write_bytes(b"some")
    return tmp_path / "weights"


def test_an_image_is_computed_once_and_alone(faces: np.ndarray, tmp_path: Path, weights: Path) -> None:
    counted = Counted()
    look = remembered(lambda: counted, tmp_path / "cache", MODULE, weights)
    first = look(faces)
    np.testing.assert_allclose(first, faces.mean((2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(look(faces[::-1]), first[::-1])
    assert counted.asked == [1] * len(faces)


def test_another_network_or_other_values_are_another_entry(faces: np.ndarray, tmp_path: Path, weights: Path) -> None:
    counted = Counted()
    remembered(lambda: counted, tmp_path / "cache", MODULE, weights)(faces[:1])
    brighter = faces[:1] + np.float32(1e-6)
    assert (brighter != faces[:1]).any()
    remembered(lambda: counted, tmp_path / "cache", MODULE, weights)(brighter)
    weights.write_bytes(b"others")
    remembered(lambda: counted, tmp_path / "cache", MODULE, weights)(faces[:1])
    remembered(lambda: counted, tmp_path / "cache", "clrface.metrics.networks.dlib_recogniser", weights)(faces[:1])
    assert counted.asked == [1, 1, 1, 1]


def test_a_damaged_entry_is_computed_again(faces: np.ndarray, tmp_path: Path, weights: Path) -> None:
    counted = Counted()
    look = remembered(lambda: counted, tmp_path / "cache", MODULE, weights)
    before = look(faces[:1])
    (entry,) = (tmp_path / "cache").rglob("*.npy")
    for damage in (b"", entry.read_bytes()[:-3], b"not an array"):
        entry.write_bytes(damage)
        np.testing.assert_array_equal(look(faces[:1]), before)
    assert counted.asked == [1] * 4


@pytest.mark.parametrize("name", CACHED)
def test_a_metric_s_values_are_the_same_without_with_and_from_a_cache(name: str, faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    values = []
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        metric = load_metric(name, sources, cache)
        metric.update(faces[::-1] * 0.9, faces)
        result = metric.result()
        values.append([score.value for score in result] if isinstance(result, list) else [result])
    assert list(tmp_path.rglob("*.npy"))
    assert values[1] == values[2]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-4)


def test_metrics_of_one_network_share_its_cache(faces: np.ndarray, sources: Path, tmp_path: Path) -> None:
    for name in ("ids_dlib", "idd_dlib", "kd_effnet", "fd_effnet"):
        load_metric(name, sources, tmp_path).update(faces[:2], faces[2:])
    assert len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.rglob("*.npy"))) == 2 * len(faces)


def test_a_network_is_loaded_for_the_first_image_that_is_not_there(faces: np.ndarray, tmp_path: Path, weights: Path) -> None:
    remembered(Counted, tmp_path / "cache", MODULE, weights)(faces[:2])

    def load() -> Counted:
        loaded.append(1)
        return Counted()

    loaded: list[int] = []
    look = remembered(load, tmp_path / "cache", MODULE, weights)
    look(faces[:2])
    assert loaded == []
    look(faces[2:3])
    look(faces[3:4])
    assert loaded == [1]
