"""The field's Fréchet distances: Inception's features, statistics in files, values by hand."""

import math
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from pytorch_fid import inception as fid
from pytorch_fid.fid_score import calculate_frechet_distance

from clrface.errors import UserError
from clrface.images import to_unit
from clrface.metrics.distances import Statistics
from clrface.metrics.networks import inception, inception_clean
from clrface.metrics.registry import load_metric
from clrface.metrics.sets import ToStatistics, read_statistics
from clrface.seeds import generator
from tests.unit import official_weights
from tests.unit.metric_values import noisy, photograph


def test_inceptions_features_are_pytorch_fids(official: Path) -> None:
    path = official / inception.WEIGHTS
    with mock.patch.object(fid, "load_state_dict_from_url", return_value=torch.load(path)):
        reference = fid.InceptionV3([3]).eval()
    images = torch.from_numpy(to_unit(photograph(96)[None]))
    with torch.no_grad():
        expected = reference(images)[0].flatten(1).numpy()
    found = inception.Inception(path).features(images.numpy())
    assert found.shape == (1, 2048)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_inceptions_fast_pooling_changes_no_bit(official: Path) -> None:
    network = inception.Inception(official / inception.WEIGHTS).cpu()
    x = torch.rand(2, 3, inception.SIDE_PX, inception.SIDE_PX, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = network(x)  # with gradients: by torch's own pooling
    with torch.inference_mode():
        assert torch.equal(network(x), expected)


def test_random_weights_tell_images_apart(official: Path) -> None:
    """Networks whose normalisation never saw an image give all of them one answer, and a test by them hardly sees an error."""
    images = np.stack([photograph(96, left) for left in (0, 60, 120, 180, 240, 300)])
    metric = load_metric("fid_gt", official)
    metric.update(to_unit(images), to_unit(255 - images[::-1]))
    assert metric.result() > 10  # pyright: ignore
    metric = load_metric("deg_arcface_r18", official)
    metric.update(to_unit(np.stack([noisy(image) for image in images])), to_unit(images))
    assert all(score.status == "ok" for score in metric.result())  # pyright: ignore


def test_the_clean_resize_keeps_299_pixels_and_blurs_before_it_shrinks() -> None:
    image = photograph(299)
    np.testing.assert_array_equal(inception_clean.resized(image), np.moveaxis(image, -1, 0))
    stripes = np.zeros((1196, 1196, 3), np.uint8)
    stripes[::2] = 255
    assert np.abs(inception_clean.resized(stripes) - 127.5)[:, 2:-2].max() < 4  # bilinear without anti-aliasing gives other stripes


def test_frechet_distance_to_statistics_by_hand() -> None:
    """In one dimension (m1 - m2)^2 + (s1 - s2)^2."""
    metric = ToStatistics(lambda images: images[:, 0, 0, :1], Statistics(np.array([2.0]), np.array([[9.0]])))
    images = np.zeros((4, 3, 1, 1), np.float32)
    images[:, 0, 0, 0] = (-1, 1, -1, 1)
    metric.update(images)
    deviation = math.sqrt(4 / 3)
    assert metric.result() == pytest.approx(2**2 + (3 - deviation) ** 2)
    assert metric.result(np.array([0, 1])) == pytest.approx(2**2 + (3 - math.sqrt(2)) ** 2)
    assert math.isnan(metric.result(np.array([0])))


@pytest.mark.parametrize("n", [5, 60])
def test_frechet_distance_to_statistics_is_pytorch_fids(n: int) -> None:
    rng = generator(n, "test statistics")
    own, others = rng.gamma(1.0, size=(n, 12)), rng.gamma(1.2, size=(400, 12))
    statistics = Statistics(others.mean(0), np.cov(others, rowvar=False))
    metric = ToStatistics(lambda images: own, statistics)
    metric.update(np.zeros((n, 3, 1, 1), np.float32))
    for drawn in (np.arange(n), rng.integers(0, n, n)):
        expected = calculate_frechet_distance(own[drawn].mean(0), np.cov(own[drawn], rowvar=False), *statistics)
        assert metric.result(drawn) == pytest.approx(expected, rel=1e-4)


def test_statistics_are_read_in_basicsrs_layout_of_any_numpy(tmp_path: Path) -> None:
    features = generator(0, "test statistics file").normal(size=(30, 6))
    old, new = (tmp_path / "ffhq512_statistics" / name for name in ("old.pth", "new.pth"))
    official_weights.statistics(old, features)
    torch.save({"mean": features.mean(0), "cov": np.cov(features, rowvar=False)}, new)
    assert [b"numpy._core" in path.read_bytes() for path in (old, new)] == [False, True]
    for path in (old, new):
        mean, covariance = read_statistics(path, 6)
        np.testing.assert_array_equal(mean, features.mean(0))
        np.testing.assert_array_equal(covariance, np.cov(features, rowvar=False))
    with pytest.raises(UserError, match=r"holds a mean of shape \(6,\).* but expected \(7,\)"):
        read_statistics(old, 7)
