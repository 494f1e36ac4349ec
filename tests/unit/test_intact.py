"""A fetched file that was damaged since is refused, by name, wherever weights are read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from clrface.align.landmarks import FaceFinder
from clrface.baselines.realesrgan import Restorer
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from clrface.generate.generator import FaceGenerator
from clrface.intact import RECORD, SUMS, intact
from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.registry import load_metric
from clrface.models.loading import load_network
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.restoration.official import read_weights
from clrface.training.losses import Perceptual


def realesrgan(raw: Path) -> None:
    Restorer(shrink=4).load(None, "cpu", raw)


READERS: dict[str, Callable[[Path], object]] = {
    "dlib/dlib_face_recognition_resnet_model_v1.dat": dlib_recogniser.load,
    "dlib/shape_predictor_68_face_landmarks.dat": lambda raw: FaceFinder(raw / "dlib"),
    "sface/face_recognition_sface_2021dec_int8bq.onnx": SFace,
    "niqe/niqe_image_params.mat": lambda raw: load_metric("niqe", raw),
    "realesrgan/realesrgan-x4plus.param": realesrgan,
    "realesrgan/realesrgan-x4plus.bin": realesrgan,
    "mobilestylegan/SynthesisNetwork.bin": lambda raw: FaceGenerator(raw / "mobilestylegan", 0.8),
    "stlpips/vgg_shift_tolerant.pth": lambda raw: Perceptual(raw, torch.device("cpu"), 1.0),
    "effnet/efficientnet-lite0-57934424.pth": lambda raw: read_weights(raw / "effnet/efficientnet-lite0-57934424.pth"),
}


def zeroed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(16) + content[middle + 16 :]


@pytest.mark.parametrize("name", READERS)
def test_sixteen_zeroed_bytes_are_noticed(name: str, sources: Path, tmp_path: Path) -> None:
    source, file = name.split("/")
    shutil.copytree(sources / source, tmp_path / source)
    READERS[name](tmp_path)
    path = tmp_path / source / file
    path.write_bytes(zeroed(path.read_bytes()))
    with pytest.raises(UserError, match=rf"{file} is damaged: its sha256 .*python -m clrface fetch {source}"):
        READERS[name](tmp_path)


def test_files_without_a_record_pass(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"mine")
    assert intact(tmp_path / "a.pth") == tmp_path / "a.pth"
    (tmp_path / RECORD).write_text(json.dumps({"members": {}}))
    assert intact(tmp_path / "a.pth") == tmp_path / "a.pth"
    for damaged in ("{", "[]", '{"members": []}', '{"members": {"a.pth": 1}}', '{"members": {"a.pth": {}}}'):
        (tmp_path / RECORD).write_text(damaged)
        with pytest.raises(UserError, match=r"Can't read .*SOURCE\.json"):
            intact(tmp_path / "a.pth")


def test_shipped_weights_are_those_of_their_sums() -> None:
    sums = dict(reversed(line.split(maxsplit=1)) for line in (ROOT / "models" / SUMS).read_text().splitlines())
    files = {path.relative_to(ROOT / "models").as_posix(): path for path in (ROOT / "models").rglob("*.safetensors")}
    assert sums == {name: sha256_file(path) for name, path in files.items()}, f"write models/{SUMS} again: sha256sum */*/*.safetensors"


def test_a_shipped_file_with_a_few_bytes_changed_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models/clrface/mask", tmp_path / "clrface/mask")
    [file] = (tmp_path / "clrface/mask").glob("*.safetensors")
    (tmp_path / SUMS).write_text(f"{sha256_file(file)}  clrface/mask/{file.name}\n")
    load_network(LatentMask, file.parent)
    content = bytearray(file.read_bytes())
    content[-16:] = bytes(16)
    file.write_bytes(content)
    with pytest.raises(UserError, match=rf"{file.name} is damaged: .*git checkout"):
        load_network(LatentMask, file.parent)
    (tmp_path / SUMS).write_text("")
    load_network(LatentMask, file.parent)
