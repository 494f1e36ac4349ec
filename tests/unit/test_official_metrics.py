"""The field's metrics, quirks included: values computed by hand, packages' functions with the same weights, official layouts."""

import math
import pickle
import platform
from pathlib import Path
from unittest import mock

import cv2
import lpips
import numpy as np
import onnx
import pytest
import skimage.data
import torch
from onnx.reference import ReferenceEvaluator
from pytorch_fid import inception as fid
from pytorch_fid.fid_score import calculate_frechet_distance

from clrface.api import DROPPED
from clrface.errors import UserError
from clrface.images import to_bytes, to_unit, write_png
from clrface.metrics import niqe_features
from clrface.metrics.correction import corrected
from clrface.metrics.networks import arcface_r18, arcface_r50, awing_fan, inception, inception_clean, states
from clrface.metrics.networks.lpips_net import Lpips, Net
from clrface.metrics.registry import load_metric
from clrface.metrics.sets import Statistics, ToStatistics, read_statistics
from clrface.models.onnx_network import OnnxNetwork
from clrface.seeds import generator
from tests.unit import official_weights


def photograph(side: int, left: int = 150) -> np.ndarray:
    """A part of a colour photograph with a face in it, (side, side, 3) uint8."""
    return skimage.data.astronaut()[:side, left : left + side]


def noisy(image: np.ndarray, deviation: float = 12) -> np.ndarray:
    noise = generator(0, "test official").normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def value(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray) -> float:
    """An image metric's value for one pair of (H, W, 3) uint8."""
    metric = load_metric(name, sources)
    metric.update(to_unit(pred[None]), to_unit(ref[None]))
    (score,) = metric.result()  # pyright: ignore
    assert score.status == "ok", score.status
    return score.value


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
    """Reckoned in double precision by OpenCV's filters, as BasicSR does, and scikit-image; the correction as VQFR's, twice."""
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


# ---- the small ArcFace


def test_angles_by_hand() -> None:
    first = torch.tensor([[1.0, 0.0], [2.0, 2.0], [1.0, 0.0], [3.0, 1.0]])
    second = torch.tensor([[0.0, 5.0], [1.0, 0.0], [-2.0, 0.0], [3.0, 1.0]])
    assert arcface_r18.angles(first, second).tolist() == pytest.approx([math.pi / 2, math.pi / 4, math.pi, 0], abs=1e-7)


def test_deg_is_fed_the_png_librarys_grey(tmp_path: Path) -> None:
    """Of pure colours 76, 149 and 29, where `cvtColor` has 150 for green; a grey pixel stays what it is."""
    for colour, level in (((255, 0, 0), 76), ((0, 255, 0), 149), ((0, 0, 255), 29), ((201, 201, 201), 201), ((10, 200, 90), 130)):
        plain = to_unit(np.full((1, 256, 256, 3), colour, np.uint8))
        assert arcface_r18.grey(plain).unique().tolist() == pytest.approx([(level - 127.5) / 127.5])
    assert arcface_r18.grey(plain).shape == (1, 1, 128, 128)
    image = photograph(128)
    write_png(tmp_path / "a.png", image)
    expected = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    np.testing.assert_allclose(arcface_r18.grey(to_unit(image[None]))[0, 0].numpy(), (expected - 127.5) / 127.5, atol=1e-6)


def test_idd_is_fed_grey_of_zero_to_one_with_red_and_blue_exchanged() -> None:
    pure = torch.eye(3)[:, :, None, None].expand(3, 3, 8, 8)
    assert arcface_r18.swapped_grey(pure)[:, 0, 0, 0].tolist() == pytest.approx([0.1140, 0.5870, 0.2989])


def test_idd_is_the_angle_in_radians(official: Path) -> None:
    pred, ref = noisy(photograph(128), 40), photograph(128)
    network = arcface_r18.ArcFaceR18(official / "arcface_r18" / "arcface_resnet18.pth")
    with torch.no_grad():
        a, b = (
            network(arcface_r18.swapped_grey(torch.from_numpy(to_unit(one[None]))).to(states.device()))[0].cpu().numpy()
            for one in (pred, ref)
        )
    expected = math.acos(float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)))
    assert value("idd_arcface_r18", official, pred, ref) == pytest.approx(expected, abs=1e-5)
    assert 0.001 < expected < math.pi


def test_deg_drops_pairs_under_one_degree(official: Path) -> None:
    pred, ref = np.stack([photograph(128), noisy(photograph(128), 60)]), np.stack([photograph(128)] * 2)
    metric = load_metric("deg_arcface_r18", official)
    metric.update(to_unit(pred), to_unit(ref))
    same, other = metric.result()  # pyright: ignore
    assert same.status.startswith(f"{DROPPED}: 0.00")
    assert math.isnan(same.value)
    assert other.status == "ok"
    assert 1 < other.value < 180


def test_a_file_of_other_weights_is_refused_by_its_first_wrong_tensor(official: Path, tmp_path: Path) -> None:
    good = torch.load(official / "arcface_r18_110" / "resnet18_110.pth")
    path = tmp_path / "arcface_r18_110" / "resnet18_110.pth"
    official_weights.save({name: tensor for name, tensor in good.items() if "fc5" not in name}, path)
    with pytest.raises(UserError, match=r"'fc5\.bias' is missing\. Delete .* fetch arcface_r18_110"):
        load_metric("deg_arcface_r18", tmp_path)
    official_weights.save(good | {"module.fc5.bias": torch.zeros(7)}, path)
    with pytest.raises(UserError, match=r"'fc5\.bias' has the shape \(7,\), not \(512,\)"):
        load_metric("deg_arcface_r18", tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="Can't read the weights"):
        load_metric("deg_arcface_r18", tmp_path)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arcface_r18" / "arcface_resnet18.pth"
    official_weights.save({"weight": Malicious()}, path)
    with pytest.raises(UserError, match="Can't read the weights"):
        load_metric("idd_arcface_r18", tmp_path)


class Malicious:
    def __reduce__(self) -> tuple:
        return print, ("should never be printed",)


# ---- insightface's recogniser


def test_the_onnx_network_gives_the_reference_evaluators_values(official: Path) -> None:
    path = official / "buffalo_l" / "w600k_r50.onnx"
    chips = generator(0, "test onnx").normal(0, 0.5, (1, 3, 112, 112)).astype(np.float32)
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"input.1": chips})
    found = OnnxNetwork(path)(torch.from_numpy(chips)).numpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_chip_is_that_of_insightfaces_warp() -> None:
    face = photograph(512, 0)
    matrix, _ = cv2.estimateAffinePartial2D(arcface_r50.FFHQ_POINTS, arcface_r50.CHIP_POINTS, method=cv2.LMEDS, refineIters=50)
    ours = arcface_r50._similarity(arcface_r50.CHIP_POINTS, arcface_r50.FFHQ_POINTS)
    forth = np.linalg.inv(np.vstack([ours, [0, 0, 1]]))[:2]
    np.testing.assert_allclose(forth[:, :2], matrix[:, :2], atol=0.02)
    expected = cv2.warpAffine(face, forth, (112, 112), borderValue=0)
    np.testing.assert_array_equal(arcface_r50.warped(face), expected)
    assert expected[::37, 74].tolist() == [[218, 208, 200], [227, 219, 219], [207, 84, 44], [0, 0, 0]]
    found = arcface_r50.chip(torch.from_numpy(to_unit(face[None])))[0].numpy()
    difference = np.abs(255 * np.moveaxis(found, 0, -1) - expected)
    assert difference.mean() < 0.3 and difference.max() < 4  # OpenCV rounds places to 1/32 of a pixel
    points = np.hstack([arcface_r50.FFHQ_POINTS, np.ones((5, 1))]) @ forth.T
    assert np.linalg.norm(points - arcface_r50.CHIP_POINTS, axis=1).max() < 6


def test_the_chip_is_the_same_at_half_the_size() -> None:
    face = torch.from_numpy(to_unit(photograph(512, 0)[None]))
    half = torch.nn.functional.avg_pool2d(face, 2)
    smooth = torch.nn.functional.interpolate(half, scale_factor=2, mode="bilinear")
    assert (arcface_r50.chip(half) - arcface_r50.chip(smooth)).abs().mean() < 0.01
    small, large = (arcface_r50.warped(to_bytes(one[0].numpy())).astype(float) for one in (half, smooth))
    assert np.abs(small - large).mean() < 1


def test_the_recogniser_is_differentiable_and_equal_images_have_one(official: Path) -> None:
    network = arcface_r50.ArcFaceR50(official / "buffalo_l" / "w600k_r50.onnx")
    face = torch.from_numpy(to_unit(photograph(128)[None])).to(states.device()).requires_grad_()
    network(face)[0, 0].backward()
    assert face.grad is not None
    assert face.grad.abs().sum() > 0
    assert value("ids_arcface_r50", official, photograph(128), photograph(128)) == 1
    assert value("ids_arcface_r50", official, noisy(photograph(128), 50), photograph(128)) < 1


def test_an_onnx_file_with_other_layers_is_refused(official: Path, tmp_path: Path) -> None:
    model = onnx.load(str(official / "buffalo_l" / "w600k_r50.onnx"))
    model.graph.node[0].op_type = "LSTM"
    path = tmp_path / "buffalo_l" / "w600k_r50.onnx"
    path.parent.mkdir()
    onnx.save(model, path)
    with pytest.raises(UserError, match="a layer of kind LSTM"):
        load_metric("ids_arcface_r50", tmp_path)
    path.write_bytes(b"no onnx")
    with pytest.raises(UserError, match="Can't read"):
        load_metric("ids_arcface_r50", tmp_path)


# ---- Inception


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


def test_random_weights_tell_pictures_apart(official: Path) -> None:
    """Networks whose normalisation never saw an image give all of them one answer, and a test by them hardly sees an error."""
    pictures = np.stack([photograph(96, left) for left in (0, 60, 120, 180, 240, 300)])
    metric = load_metric("fid_gt", official)
    metric.update(to_unit(pictures), to_unit(255 - pictures[::-1]))
    assert metric.result() > 10  # pyright: ignore
    metric = load_metric("deg_arcface_r18", official)
    metric.update(to_unit(np.stack([noisy(picture) for picture in pictures])), to_unit(pictures))
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
    path = tmp_path / "ffhq512_statistics" / "new.pth"
    official_weights.statistics(path, features)
    new = read_statistics(path, 6)
    np.testing.assert_array_equal(new.covariance, np.cov(features, rowvar=False))
    old = tmp_path / "ffhq512_statistics" / "old.pth"
    torch.save({"mean": features.mean(0), "cov": np.cov(features, rowvar=False)}, old, pickle_module=OldPickle)
    assert b"numpy._core" not in old.read_bytes()
    np.testing.assert_array_equal(read_statistics(old, 6).mean, features.mean(0))
    with pytest.raises(UserError, match=r"holds a mean of shape \(6,\).* but expected \(7,\)"):
        read_statistics(path, 7)


class OldPickle:
    """pickle, as numpy 1 had arrays written: `numpy.core`, not `numpy._core`."""

    class Pickler(pickle._Pickler):  # pyright: ignore
        def save_global(self, obj: object, name: str | None = None) -> None:
            if getattr(obj, "__module__", "") == "numpy._core.multiarray":
                self.write(b"cnumpy.core.multiarray\n" + obj.__name__.encode() + b"\n")  # pyright: ignore
                self.memoize(obj)
            else:
                super().save_global(obj, name)

        dispatch = pickle._Pickler.dispatch | {type(np.frombuffer): save_global}  # pyright: ignore

    dumps = staticmethod(pickle.dumps)


# ---- landmarks


def test_points_of_made_heatmaps() -> None:
    """A peak at row 10, column 20, whose right and upper neighbours are the higher ones: a quarter of a cell to the right and up."""
    heatmaps = np.zeros((2, 64, 64))
    heatmaps[0, 10, 20], heatmaps[0, 10, 21], heatmaps[0, 9, 20] = 1, 0.5, 0.5
    heatmaps[1, 40, 30] = 1
    np.testing.assert_allclose(awing_fan.points(heatmaps), [[20.75, 10.25], [30.5, 40.5]])


def test_points_keep_vqfrs_quirk_of_the_borders() -> None:
    """One peak in the last row, and every point takes the heatmap's last cell for the one below."""
    heatmaps = np.zeros((2, 64, 64))
    heatmaps[0, 63, 5] = 1
    heatmaps[1, 40, 30], heatmaps[1, 41, 30], heatmaps[1, 39, 30] = 1, 0.9, 0.5
    np.testing.assert_allclose(awing_fan.points(heatmaps), [[5.5, 63.5], [30.5, 40.25]])


def test_the_landmark_network_has_the_layout_of_the_official_file() -> None:
    """Names and shapes as VQFR's network lists them."""
    with torch.device("meta"):
        found = {name: tuple(tensor.shape) for name, tensor in awing_fan.AwingFan().state_dict().items()}
    expected = {
        "conv1.conv.weight": (64, 6, 7, 7),
        "conv2.downsample.2.weight": (128, 64, 1, 1),
        "m0.coordconv.conv.weight": (256, 259, 1, 1),
        "m3.coordconv.conv.weight": (256, 261, 1, 1),
        "m0.b1_4.conv1.weight": (128, 256, 3, 3),
        "m2.b2_plus_1.conv3.weight": (64, 64, 3, 3),
        "top_m_3.bn3.running_var": (64,),
        "conv_last1.bias": (256,),
        "bn_end2.weight": (256,),
        "l3.weight": (99, 256, 1, 1),
        "al2.weight": (256, 99, 1, 1),
        "bl0.weight": (256, 256, 1, 1),
    }
    assert {name: found.get(name) for name in expected} == expected
    assert "al3.weight" not in found


def test_lmd_is_the_mean_distance_in_pixels(official: Path) -> None:
    pred, ref = noisy(photograph(128), 30), photograph(128)
    network = awing_fan.load(official)
    a, b = (awing_fan.landmarks(network, to_unit(one[None]))[0] * 128 for one in (pred, ref))
    assert a.shape == (98, 2)
    assert value("lmd_fan", official, pred, ref) == pytest.approx(np.sqrt(((a - b) ** 2).sum(1)).mean())
    assert value("lmd_fan", official, ref, ref) == 0


def test_coordinates_tell_row_column_and_radius() -> None:
    layer = awing_fan.CoordConv(1, 5, outline=True, kernel_size=1)
    torch.nn.init.zeros_(layer.conv.weight)
    torch.nn.init.zeros_(layer.conv.bias)  # pyright: ignore
    layer.conv.weight.data[range(5), range(1, 6)] = 1  # what comes out is what is added
    heatmaps = torch.zeros(1, 2, 3, 3)
    heatmaps[0, -1, 0, 2] = 0.06
    row, column, radius, on_row, on_column = layer(torch.zeros(1, 1, 3, 3), heatmaps)[0].detach()
    assert row[:, 0].tolist() == [-1, 0, 1]
    assert column[0].tolist() == [-1, 0, 1]
    assert radius[1].tolist() == pytest.approx([1 / math.sqrt(2), 0, 1 / math.sqrt(2)])
    assert (on_row != 0).nonzero().tolist() == (on_column != 0).nonzero().tolist() == [[0, 2]]
    assert (on_row[0, 2], on_column[0, 2]) == (-1, 1)


# ---- NIQE


def test_halving_keeps_a_constant_and_a_slope_as_matlab_does() -> None:
    np.testing.assert_allclose(niqe_features.halved(np.full((8, 8), 3.0)), 3)
    slope = np.arange(16.0)[None].repeat(16, 0)
    np.testing.assert_allclose(niqe_features.halved(slope)[0, 2:-2], np.arange(16)[4:-4:2] + 0.5)


def test_the_fit_of_plain_values_by_hand() -> None:
    """-2 and 1 alike: left 2, right 1; the mean of |x| squared over that of x squared is 0.9; skew 2: 0.9 x 9 x 3 / 25 = 0.972."""
    shape, left, right = niqe_features._fit(np.array([-2.0, 1.0, 0.0, 0.0])[:2])
    assert left / right == pytest.approx(2)
    ratio = 0.9 * 9 * 3 / 25
    place = int(np.argmin((niqe_features.RATIOS - ratio) ** 2))
    assert shape == niqe_features.SHAPES[place]
    assert right == pytest.approx(math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape)))


def test_the_fit_of_a_flat_block_is_basicsrs() -> None:
    """No value on a side: no scale there, and the first shape that there is."""
    shape, left, right = niqe_features._fit(np.zeros(4))
    assert shape == 0.2 and math.isnan(left) and math.isnan(right)
    shape, left, right = niqe_features._fit(np.array([1.0, 3.0]))
    assert shape == 0.2 and math.isnan(left)
    assert right == pytest.approx(math.sqrt(5 * math.gamma(5) / math.gamma(15)))


def test_niqe_of_a_photograph(sources: Path) -> None:
    """What BasicSR 1.4.4's calculate_niqe gives, and pyiqa 0.1.16's niqe with the same parameters (benchmarks/parity.py)."""
    image = skimage.data.astronaut()
    assert value("niqe_official", sources, image, image) == pytest.approx(3.06495, abs=1e-5)
    assert value("niqe_yiq", sources, image, image) == pytest.approx(3.062388, abs=1e-6)


ROW, COLUMN = np.mgrid[:512, :512]
FLAT = [
    ((ROW - 256) ** 2 + (COLUMN - 256) ** 2 > 200**2, (3.5240, 3.4361, 3.4369)),
    (COLUMN < 256, (6.3847, 6.5022, 6.3004)),
    (ROW < 192, (9.4542, 9.4625, 6.6138)),
    ((ROW < 96) & (COLUMN < 96), (3.3225, 3.3220, 3.0619)),
    ((ROW < 100) & (COLUMN < 100), (3.2707, 3.2628, 3.2595)),
    (ROW + COLUMN < 200, (3.0917, 3.0919, 3.1030)),
]
"""What VQFR's script gives for `astronaut` with a region in black, in white and in (135, 133, 132)."""


@pytest.mark.parametrize(("region", "expected"), FLAT)
def test_niqe_of_flat_areas_is_vqfrs(region: np.ndarray, expected: tuple[float, float, float], sources: Path) -> None:
    pictures = np.stack([skimage.data.astronaut()] * 3)
    for picture, colour in zip(pictures, [(0, 0, 0), (255, 255, 255), (135, 133, 132)], strict=True):
        picture[region] = colour
    metric = load_metric("niqe_official", sources)
    metric.update(to_unit(pictures), None)
    black, white, grey = (score.value for score in metric.result())  # pyright: ignore
    assert (black, white) == pytest.approx(expected[:2], abs=1e-4)
    # Grey's last bit, and so its features, is that of torch's matrix-vector product: VQFR's on this kind of machine.
    assert grey == pytest.approx(expected[2], abs=1e-4 if platform.machine() in ("x86_64", "AMD64") else 0.25)


def test_yiq_luminance_of_pure_colours() -> None:
    pure = np.eye(3, dtype=np.float32)[:, :, None]
    assert niqe_features.yiq_luminance(pure)[:, 0].tolist() == [76, 150, 29]


def test_niqe_of_small_and_flat_images_says_why(sources: Path) -> None:
    metric = load_metric("niqe_official", sources)
    metric.update(to_unit(photograph(128)[None]), None)
    metric.update(to_unit(np.full((1, 192, 192, 3), 7, np.uint8)), None)
    small, flat = metric.result()  # pyright: ignore
    assert small.status == "too small: NIQE needs two whole blocks of 96 pixels"
    assert flat.status.startswith("flat: fewer than two blocks")
