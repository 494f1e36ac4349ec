"""The field's pixel metrics and LPIPS, quirks included: values by hand, and packages' functions with the same weights."""

import math
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch

from clrface.images import to_unit
from clrface.metrics.correction import corrected
from clrface.metrics.networks import states
from clrface.metrics.networks.lpips_net import Lpips, Net
from clrface.metrics.registry import load_metric
from tests.unit.metric_values import noisy, photograph, value

# ---- pixels


def test_the_correction_undoes_another_brightness_and_contrast(tmp_path: Path) -> None:
    truth = np.full((32, 32, 3), 100, np.uint8)
    truth[::2] = (140, 120, 160)
    pred = (truth // 2 + 30).astype(np.uint8)
    assert value("psnr", tmp_path, pred, truth) < 20
    assert value("psnr_corrected", tmp_path, pred, truth) > 100
    assert value("ssim_corrected", tmp_path, pred, truth) == pytest.approx(1, abs=1e-6)


def test_the_corrected_mse_is_that_of_the_correlation() -> None:
    """With mean and deviation set to the truth's, each channel's MSE is 2 sigma^2 (1 - rho), whatever they were."""
    truth, pred = photograph(64), noisy(photograph(64)) // 2
    image, wanted = corrected(pred, truth)
    for channel in range(3):
        rho = np.corrcoef(pred[..., channel].ravel(), truth[..., channel].ravel())[0, 1]
        mse = ((image - wanted)[..., channel] ** 2).mean()
        assert mse == pytest.approx(2 * truth[..., channel].astype(float).var() * (1 - rho), rel=1e-4)


def test_the_corrected_image_is_not_clipped() -> None:
    """One white pixel among fifteen black ones lies sqrt(15) deviations above the mean: 240 + 10 sqrt(15) is 278.7."""
    pred, truth = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 250, np.uint8)
    pred[0, 0], truth[::2] = 255, 230
    image, _ = corrected(pred, truth)
    assert image[0, 0] == pytest.approx([240 + 10 * math.sqrt(15)] * 3, abs=1e-3)


def test_a_flat_channel_has_no_corrected_value(tmp_path: Path) -> None:
    metric = load_metric("psnr_corrected", tmp_path)
    metric.update(to_unit(np.full((1, 16, 16, 3), 9, np.uint8)), to_unit(photograph(16)[None]))
    (score,) = metric.result()  # pyright: ignore
    assert math.isnan(score.value)


def test_psnr_with_epsilon_by_hand(tmp_path: Path) -> None:
    grey = np.full((16, 16, 3), 100, np.uint8)
    assert value("psnr_eps", tmp_path, grey, grey) == pytest.approx(80)
    assert value("psnr_eps", tmp_path, grey + 1, grey) == pytest.approx(-10 * math.log10(1 / 255**2 + 1e-8))
    assert value("psnr_eps", tmp_path, noisy(grey), grey) == pytest.approx(value("psnr", tmp_path, noisy(grey), grey), abs=5e-4)


def test_ssim_cut_of_flat_images_by_hand(tmp_path: Path) -> None:
    c1 = (0.01 * 255) ** 2
    dark, light = (np.full((16, 16, 3), level, np.uint8) for level in (50, 200))
    assert value("ssim_cut", tmp_path, dark, light) == pytest.approx((2 * 50 * 200 + c1) / (50**2 + 200**2 + c1))


def test_ssim_cut_never_falls_below_zero_and_else_is_ssim(tmp_path: Path) -> None:
    image = photograph(64)
    assert value("ssim", tmp_path, 255 - image, image) < value("ssim_cut", tmp_path, 255 - image, image)
    checks = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((8, 8)))[..., None].repeat(3, 2).astype(np.uint8) * 40 + 100
    assert value("ssim", tmp_path, 240 - checks, checks) < 0 <= value("ssim_cut", tmp_path, 240 - checks, checks)
    assert value("ssim_cut", tmp_path, noisy(image, 4), image) == pytest.approx(value("ssim", tmp_path, noisy(image, 4), image), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("psnr", 24.4529819),
        ("psnr_corrected", 26.8069255),
        ("psnr_eps", 24.4529698),
        ("ssim", 0.57781336),
        ("ssim_corrected", 0.56725794),
        ("ssim_cut", 0.57781336),
    ],
)
def test_pixel_metrics_give_the_values_of_the_scripts_arithmetic(name: str, expected: float, tmp_path: Path) -> None:
    """Computed in double precision by OpenCV's filters, as BasicSR does, and scikit-image; the correction as VQFR's, twice."""
    image = photograph(256)
    assert value(name, tmp_path, (noisy(image) * 0.9 + 8).astype(np.uint8), image) == pytest.approx(expected, abs=1e-6)


# ---- LPIPS


@pytest.mark.parametrize("net", ["vgg", "alex"])
def test_lpips_is_the_packages_function_with_the_same_weights(net: Net, official: Path) -> None:
    reference = lpips.LPIPS(net=net, pretrained=True, pnet_rand=True, verbose=False).eval()  # its own linear layers, from the package
    trunk = official / ("vgg16/vgg16-397923af.pth" if net == "vgg" else "alexnet/alexnet-owt-7be5be79.pth")
    stored = torch.load(trunk)
    for slice_name, part in reference.net.named_children():
        for place, layer in part.named_children():
            if isinstance(layer, torch.nn.Conv2d):
                layer.load_state_dict({kind: stored[f"features.{place}.{kind}"] for kind in ("weight", "bias")})
        assert slice_name.startswith("slice")
    pred, ref = (torch.from_numpy(to_unit(one[None])) for one in (noisy(photograph(64)), photograph(64)))
    with torch.no_grad():
        expected = reference(2 * pred - 1, 2 * ref - 1).item()
    assert expected > 1e-3
    assert value(f"lpips_{net}", official, noisy(photograph(64)), photograph(64)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("net", ["vgg", "alex"])
def test_lpips_without_gradients_is_the_packages_arithmetic_bit_by_bit(net: Net, official: Path) -> None:
    network = Lpips(net, official)
    pred, ref = (
        torch.from_numpy(to_unit(np.stack([one, one[::-1]]))).to(states.device()) for one in (noisy(photograph(96)), photograph(96))
    )
    assert torch.is_grad_enabled()
    expected = network(pred, ref)  # by the package's own forward pass and torch's pooling
    with torch.inference_mode():
        assert torch.equal(network(pred, ref), expected)
    assert expected.shape == (2,) and (expected > 1e-3).all()


def test_lpips_fed_bgr_is_lpips_of_the_turned_image(official: Path) -> None:
    pred, ref = noisy(photograph(64)), photograph(64)
    bgr = value("lpips_vgg_bgr", official, pred, ref)
    assert bgr == pytest.approx(value("lpips_vgg", official, pred[..., ::-1].copy(), ref[..., ::-1].copy()), rel=1e-6)
    assert abs(bgr - value("lpips_vgg", official, pred, ref)) > 1e-4


def test_lpips_is_differentiable(official: Path) -> None:
    pred, ref = (torch.from_numpy(to_unit(one[None])) for one in (noisy(photograph(64)), photograph(64)))
    pred.requires_grad_()
    Lpips("alex", official)(pred.to(states.device()), ref.to(states.device())).sum().backward()
    assert pred.grad is not None
    assert pred.grad.abs().sum() > 0
