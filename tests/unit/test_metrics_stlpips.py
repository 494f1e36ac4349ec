"""Shift-tolerant LPIPS: the reference package's values, the lpips package's arithmetic, and its use as a loss."""

from pathlib import Path
from typing import Literal

import lpips
import numpy as np
import pytest
import torch
from torch import nn

from clrface.errors import UserError
from clrface.images import read_rgb, to_unit
from clrface.metrics.networks.stlpips import BlurPool, StLpips, lpips_distance

Net = Literal["alex", "vgg"]
NETS: tuple[Net, ...] = ("alex", "vgg")


def network(sources: Path, net: Net) -> StLpips:
    return StLpips(net, sources / "stlpips" / f"{net}_shift_tolerant.pth")


@pytest.fixture(scope="module")
def raw_face(sources: Path) -> np.ndarray:
    """A photograph that no step of this project has touched but to crop it, (92, 92, 3)."""
    return read_rgb(sources / "orl" / "s1" / "1.pgm")[12:104]


def coarse(face: np.ndarray) -> np.ndarray:
    """The face at a quarter of its size, each pixel repeated."""
    height, width, _ = face.shape
    small = np.rint(face.reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3))).astype(np.uint8)
    return small.repeat(4, 0).repeat(4, 1)


def batch(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(to_unit(np.stack(images)))


# The values of stlpips_pytorch 0.0.2, `LPIPS(net=net, variant="shift_tolerant")`, on these two images.
@pytest.mark.parametrize(("net", "expected"), [("alex", 0.1816315), ("vgg", 0.2589229)])
def test_it_gives_the_reference_packages_value(sources: Path, raw_face: np.ndarray, net: Net, expected: float) -> None:
    distance = network(sources, net)(batch(coarse(raw_face)), batch(raw_face))
    assert distance.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_equal_images_are_at_distance_zero(sources: Path, raw_face: np.ndarray, net: Net) -> None:
    assert network(sources, net)(batch(raw_face), batch(raw_face)).item() == 0


def test_a_shift_by_a_pixel_matters_less_than_a_blur(sources: Path, raw_face: np.ndarray) -> None:
    ref = batch(raw_face[:, 2:-2])
    shifted, blurred = batch(raw_face[:, 3:-1]), batch(coarse(raw_face)[:, 2:-2])
    net = network(sources, "alex")
    assert net(shifted, ref) < 0.3 * net(blurred, ref)


def test_the_arithmetic_is_the_lpips_packages() -> None:
    torch.manual_seed(0)
    reference = lpips.LPIPS(pretrained=False, net="alex", pnet_rand=True, verbose=False).eval()
    weights = []
    for lin in reference.lins:
        nn.init.uniform_(lin.model[-1].weight)
        weights.append(lin.model[-1].weight)
    a, b = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        features = [list(reference.net(reference.scaling_layer(x))) for x in (a, b)]
        ours = lpips_distance(features[0], features[1], weights)
        theirs = reference(a, b).flatten()
    assert theirs.min() > 1e-4
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-8)


def test_blur_pool_halves_and_keeps_a_constant() -> None:
    out = BlurPool(2)(torch.full((1, 2, 9, 8), 3.0))
    assert out.shape == (1, 2, 6, 5)
    assert (out == 3).all()


@pytest.mark.parametrize("net", NETS)
def test_as_a_loss_it_has_a_gradient_and_nothing_to_train(sources: Path, raw_face: np.ndarray, net: Net) -> None:
    loss = network(sources, net)
    pred = batch(coarse(raw_face)).requires_grad_()
    loss(pred, batch(raw_face)).sum().backward()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()
    assert pred.grad.abs().sum() > 0
    assert not [parameter for parameter in loss.parameters() if parameter.requires_grad]


def test_pixels_without_any_feature_have_a_gradient_too() -> None:
    """A ReLU may leave a pixel's features all at 0, where the root of their squares has an infinite slope."""
    maps = torch.zeros(1, 4, 3, 3, requires_grad=True)
    lpips_distance([maps], [torch.ones(1, 4, 3, 3)], [torch.ones(1, 4, 1, 1)]).sum().backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


def test_a_step_against_the_gradient_lowers_the_loss(sources: Path, raw_face: np.ndarray) -> None:
    loss, ref = network(sources, "vgg"), batch(raw_face)
    pred = batch(coarse(raw_face)).requires_grad_()
    before = loss(pred, ref)
    (gradient,) = torch.autograd.grad(before.sum(), pred)
    after = loss(pred - 0.5 * gradient / gradient.norm(), ref)
    assert after < before


def test_features_are_five_maps(sources: Path, raw_face: np.ndarray) -> None:
    maps = network(sources, "alex").features(batch(raw_face))
    assert [one.shape[1] for one in maps] == [64, 192, 384, 256, 256]


def test_the_other_networks_weights_are_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"isn't shift-tolerant LPIPS's 'vgg' network.*Give vgg_shift_tolerant\.pth"):
        StLpips("vgg", sources / "stlpips" / "alex_shift_tolerant.pth")
    broken = tmp_path / "alex_shift_tolerant.pth"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match="Can't read the weights"):
        StLpips("alex", broken)
