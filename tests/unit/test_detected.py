"""insightface's and face-alignment's own code over files in the official layout; clear messages without the packages."""

import math
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from clrface.errors import UserError
from clrface.images import to_unit
from clrface.metrics.networks import face_alignment_points, insightface_faces
from clrface.metrics.networks.arcface_r50 import CHIP_POINTS, ArcFaceR50
from clrface.metrics.registry import load_metric
from tests.unit import official_weights

needs_insightface = pytest.mark.skipif(not (find_spec("insightface") and find_spec("onnxruntime")), reason="insightface isn't installed")
needs_alignment = pytest.mark.skipif(not (find_spec("face_alignment") and find_spec("numba")), reason="face-alignment isn't installed")
FACE = skimage.data.astronaut()
NOTHING = np.zeros_like(FACE)


@needs_insightface
def test_the_embedding_is_the_recogniser_s_of_the_chip_at_the_detected_points(official: Path) -> None:
    """Detection by insightface's own object; the chip and the network by ours."""
    found = insightface_faces.embedder(official)(FACE)
    assert found is not None
    detector = insightface_faces._model(official / insightface_faces.DETECTOR, "detection")
    detector.prepare(ctx_id=-1, input_size=(640, 640), det_thresh=0.5)
    _, (points,) = detector.detect(np.ascontiguousarray(FACE[..., ::-1]), max_num=1)
    matrix, _ = cv2.estimateAffinePartial2D(points, CHIP_POINTS.astype(np.float32), method=cv2.LMEDS)
    chip = to_unit(cv2.warpAffine(FACE, matrix, (112, 112), borderValue=0)[None])
    network = ArcFaceR50(official / insightface_faces.WEIGHTS)
    import torch

    (expected,) = network._of_chips(torch.from_numpy(chip)).detach().cpu().numpy()
    assert float(found @ expected) > 0.999
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


@needs_insightface
@pytest.mark.parametrize(
    ("pred", "ref", "said"),
    [
        (NOTHING, FACE, "no face found by insightface in the restored image"),
        (FACE, NOTHING, "no face found by insightface in the ground truth"),
    ],
)
def test_a_face_that_is_not_found_is_a_failure_with_its_reason(pred: np.ndarray, ref: np.ndarray, said: str, official: Path) -> None:
    metric = load_metric("ids_insightface", official)
    metric.update(to_unit(np.stack([pred, FACE])), to_unit(np.stack([ref, FACE])))
    failed, fine = metric.result()  # pyright: ignore
    assert math.isnan(failed.value) and failed.status == said
    assert fine.value == pytest.approx(1, abs=1e-6)


@needs_insightface
def test_files_of_another_kind_are_refused(official: Path, tmp_path: Path) -> None:
    for name, source in ((insightface_faces.DETECTOR, insightface_faces.WEIGHTS), (insightface_faces.WEIGHTS, insightface_faces.WEIGHTS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to(official / source)
    with pytest.raises(UserError, match=r"det_10g.onnx isn't a network of detection"):
        load_metric("ids_insightface", tmp_path)
    (tmp_path / insightface_faces.DETECTOR).unlink()
    (tmp_path / insightface_faces.DETECTOR).write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"insightface can't read .*det_10g.onnx"):
        load_metric("ids_insightface", tmp_path)


@needs_alignment
def test_landmarks_are_face_alignment_s_of_the_same_file(official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own constructor, which reads torch's cache, over the same weights and the same box."""
    import face_alignment  # pyright: ignore[reportMissingImports]

    official_weights.fan68(tmp_path / face_alignment_points.WEIGHTS)
    cached = tmp_path / "hub" / "checkpoints" / "2DFAN4-11f355bf06.pth.tar"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(tmp_path / face_alignment_points.WEIGHTS)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    theirs = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, device="cpu", face_detector="folder", compile=False)
    image = FACE[:256, 100:356]
    (expected,) = theirs.get_landmarks_from_image(image, detected_faces=[np.array([64.0, 64.0, 186.88, 232.96])])
    ours = face_alignment_points.load(tmp_path)(to_unit(image[None]))
    assert ours.shape == (1, 68, 2)
    assert 256 * ours[0] == pytest.approx(expected, abs=1e-3)
    assert len(np.unique(expected, axis=0)) > 20
    metric = load_metric("lmd_face_alignment", tmp_path)
    metric.update(to_unit(np.stack([image[::-1], image])), to_unit(np.stack([image, image])))
    turned, same = metric.result()  # pyright: ignore
    assert turned.value > 1 and same.value == 0


@pytest.mark.parametrize(
    ("name", "package", "files"),
    [
        ("ids_insightface", "insightface", (insightface_faces.DETECTOR, insightface_faces.WEIGHTS)),
        ("lmd_face_alignment", "face_alignment", (face_alignment_points.WEIGHTS,)),
    ],
)
def test_a_missing_package_is_told(
    name: str, package: str, files: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{name} needs the package '{package}.*', which isn't installed: pip install .* --no-deps"):
        load_metric(name, tmp_path)
