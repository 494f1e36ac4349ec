"""PSNR and SSIM against closed forms, scikit-image and an independent implementation; what every image metric does with bad images."""

import math
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from clrface.images import to_unit
from clrface.metrics.psnr import Psnr
from clrface.metrics.registry import load_metric
from clrface.metrics.ssim import Ssim

NOWHERE = Path("no-sources-needed")


def pair(faces: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Two different faces, (64, 64, 3) uint8."""
    first, second = list(faces.values())[:2]
    return first, second


def value(name: str, pred: np.ndarray, ref: np.ndarray) -> float:
    metric = {"psnr": Psnr, "ssim": Ssim}[name](NOWHERE)
    metric.update(to_unit(pred)[None], to_unit(ref)[None])
    (score,) = metric.result()
    assert score.status == "ok"
    return score.value


def plain_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang's definition, one window at a time, on (H, W, 3)."""
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for channel in range(3):
        for y in range(a.shape[0] - 10):
            for x in range(a.shape[1] - 10):
                p = a[y : y + 11, x : x + 11, channel].astype(float)
                q = b[y : y + 11, x : x + 11, channel].astype(float)
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                cov = (window * (p - mp) * (q - mq)).sum()
                values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


def test_psnr_of_a_known_error() -> None:
    ref = np.full((16, 16, 3), 100, np.uint8)
    pred = ref + np.uint8(5)
    assert value("psnr", pred, ref) == pytest.approx(20 * math.log10(255 / 5), abs=1e-12)


def test_psnr_counts_every_channel() -> None:
    ref = np.zeros((8, 8, 3), np.uint8)
    pred = ref.copy()
    pred[..., 2] = 255
    assert value("psnr", pred, ref) == pytest.approx(10 * math.log10(3), abs=1e-12)


def test_psnr_of_equal_images_is_infinite(orl_faces: dict[str, np.ndarray]) -> None:
    face, _ = pair(orl_faces)
    assert value("psnr", face, face) == math.inf


@pytest.mark.parametrize("name", ["psnr_eps", "psnr_corrected", "ssim_cut"])
def test_the_order_in_memory_changes_nothing(name: str, orl_faces: dict[str, np.ndarray]) -> None:
    pred, ref = (to_unit(face[None, :50]) for face in pair(orl_faces))
    assert pred.strides[1] == 4, "of a file: channels last"
    values = []
    for one in (pred, np.ascontiguousarray(pred)):
        for other in (ref, np.ascontiguousarray(ref)):
            metric = load_metric(name, NOWHERE)
            metric.update(one, other)
            values += [score.value for score in metric.result()]  # pyright: ignore
    assert len(values) == 4 and len(set(values)) == 1


def test_psnr_is_scikit_images(orl_faces: dict[str, np.ndarray]) -> None:
    a, b = pair(orl_faces)
    assert value("psnr", a, b) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=1e-9)


def test_ssim_of_constant_images() -> None:
    c1 = (0.01 * 255) ** 2
    ref, pred = np.full((16, 16, 3), 50, np.uint8), np.full((16, 16, 3), 80, np.uint8)
    assert value("ssim", pred, ref) == pytest.approx((2 * 50 * 80 + c1) / (50**2 + 80**2 + c1), abs=1e-9)


def test_ssim_of_equal_images_is_one(orl_faces: dict[str, np.ndarray]) -> None:
    face, _ = pair(orl_faces)
    assert value("ssim", face, face) == 1


def test_ssim_is_the_plain_definition_in_the_valid_region(orl_faces: dict[str, np.ndarray]) -> None:
    a, b = (face[20:44, 18:40].copy() for face in pair(orl_faces))
    b[..., 1] = 255 - b[..., 1]  # channels differ, so their mean is tested too
    assert value("ssim", a, b) == pytest.approx(plain_ssim(a, b), abs=1e-9)


def test_ssim_is_scikit_images(orl_faces: dict[str, np.ndarray]) -> None:
    a, b = pair(orl_faces)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = np.mean([structural_similarity(a[..., c], b[..., c], data_range=255, **settings) for c in range(3)])
    assert value("ssim", a, b) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_an_image_smaller_than_its_window_fails_with_a_reason() -> None:
    metric = Ssim(NOWHERE)
    metric.update(np.zeros((2, 3, 10, 20), np.float32), np.zeros((2, 3, 10, 20), np.float32))
    assert [score.status for score in metric.result()] == ["too small: SSIM's window needs 11 pixels a side"] * 2
    assert all(math.isnan(score.value) for score in metric.result())


def test_a_bad_image_keeps_its_place_with_the_reason(orl_faces: dict[str, np.ndarray]) -> None:
    ref = to_unit(np.stack(list(orl_faces.values())[:3]))
    pred = ref.copy()
    pred[1, 0, 5, 5] = np.nan
    metric = Psnr(NOWHERE)
    metric.update(pred, ref)
    first, bad, last = metric.result()
    assert first.value == last.value == math.inf
    assert math.isnan(bad.value)
    assert bad.status == "not finite: the image has NaN or infinite pixels"


def test_a_batch_of_another_size_keeps_its_places_with_the_reason(orl_faces: dict[str, np.ndarray]) -> None:
    ref = to_unit(np.stack(list(orl_faces.values())[:2]))
    metric = Psnr(NOWHERE)
    metric.update(ref[:, :, :32, :32], ref)
    metric.update(ref, ref)
    assert [score.status for score in metric.result()] == ["wrong shape: found 3x32x32, ground truth has 3x64x64"] * 2 + ["ok"] * 2


def test_a_missing_ground_truth_is_refused(orl_faces: dict[str, np.ndarray]) -> None:
    batch = to_unit(np.stack(list(orl_faces.values())[:2]))
    with pytest.raises(ValueError, match="Found 2 images, but 0 ground truths"):
        Psnr(NOWHERE).update(batch, None)
    with pytest.raises(ValueError, match="Found 2 images, but 1 ground truths"):
        Psnr(NOWHERE).update(batch, batch[:1])
