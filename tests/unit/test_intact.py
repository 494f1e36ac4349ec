"""A fetched file that was damaged since is refused, by name, wherever weights are read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clrface.align.landmarks import FaceFinder
from clrface.errors import UserError
from clrface.intact import RECORD, intact
from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.registry import load_metric
from clrface.models.recogniser import SFace
from clrface.restoration.official import read_weights

READERS: dict[str, Callable[[Path], object]] = {
    "dlib/dlib_face_recognition_resnet_model_v1.dat": dlib_recogniser.load,
    "dlib/shape_predictor_68_face_landmarks.dat": lambda raw: FaceFinder(raw / "dlib"),
    "sface/face_recognition_sface_2021dec_int8bq.onnx": SFace,
    "niqe/niqe_image_params.mat": lambda raw: load_metric("niqe", raw),
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
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(UserError, match=r"Can't read .*SOURCE\.json"):
        intact(tmp_path / "a.pth")
