"""The field's recognisers and landmarks in their official layouts, quirks included."""

import math
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from clrface.api import DROPPED
from clrface.errors import UserError
from clrface.images import to_bytes, to_unit, write_png
from clrface.metrics.networks import arcface_r18, arcface_r50, awing_fan, states
from clrface.metrics.registry import load_metric
from clrface.models.onnx_network import OnnxNetwork
from clrface.seeds import generator
from tests.unit import official_weights
from tests.unit.metric_values import noisy, photograph, value

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
