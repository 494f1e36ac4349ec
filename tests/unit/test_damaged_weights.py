"""Damaged files of weights, as `benchmarks/chaos.py` found them: one message that names the file, whatever the bytes lead a reader to."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmarks.breaking.damage import PAGE, damaged
from benchmarks.breaking.weights import small_ncnn
from clrface.align.landmarks import PREDICTOR, FaceFinder
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.generate.generator import FaceGenerator
from clrface.intact import fetched_again
from clrface.metrics.networks import dlib_landmarks, dlib_recogniser, states
from clrface.metrics.networks.effnet import EffnetLite0
from clrface.metrics.networks.stlpips import StLpips
from clrface.metrics.registry import load_metric
from clrface.models.loading import load_network
from clrface.models.mask import LatentMask
from clrface.models.ncnn_weights import Convolution, read_convolutions
from clrface.models.onnx_network import OnnxNetwork
from clrface.models.recogniser import SFACE_FILE, SFace
from clrface.photo.detect import MODEL, FaceDetector
from clrface.restoration.official import read_weights
from clrface.seeds import generator


def legacy(**tensors: Any) -> bytes:
    """A plain pickle, as torch's readers take for their oldest layout."""
    return pickle.dumps(tensors, protocol=2)


TORCH = {
    "empty": b"",
    "no utf-8 in a name": b"\x80\x02X\x02\x00\x00\x00\xbe\x80q\x00.",
    "cut within a number": b"\x80\x02X\x02\x00",
    "an unknown opcode": b"\xbe" * 40,
    "cut short": legacy(a=1.5)[:9],
}


@pytest.mark.parametrize("read", [states.read, read_weights])
@pytest.mark.parametrize("content", TORCH.values(), ids=list(TORCH))
def test_a_damaged_torch_file_is_named(read: Callable[[Path], Any], content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"Can't read the weights .*net\.pth \(.+\)\. "):
        read(path)


def network(change: Callable[[onnx.GraphProto], None] = lambda graph: None) -> bytes:
    """A convolution and a ReLU; `change` damages the graph."""
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["h"], kernel_shape=[3, 3]), helper.make_node("Relu", ["h"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    change(graph)
    return helper.make_model(graph).SerializeToString()


def without_end(graph: onnx.GraphProto) -> None:
    graph.node[1].output[0] = "z"


def without_link(graph: onnx.GraphProto) -> None:
    graph.node[1].input[0] = "g"


def without_weight(graph: onnx.GraphProto) -> None:
    graph.initializer[0].raw_data = graph.initializer[0].raw_data[:5]


ONNX = {"empty": b"", "no end": network(without_end), "no link": network(without_link), "weights cut": network(without_weight)}


@pytest.mark.parametrize("content", ONNX.values(), ids=list(ONNX))
def test_a_damaged_onnx_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"Can't read .*net\.onnx as an ONNX file \(.+\)\. Delete"):
        OnnxNetwork(path)


def test_the_whole_onnx_file_runs(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(network())
    assert torch.equal(OnnxNetwork(path)(torch.ones(1, 3, 3, 3)), torch.full((1, 4, 1, 1), 27.0))


def ncnn(folder: Path, param: bytes, numbers: bytes) -> tuple[Path, Path]:
    paths = folder / "net.param", folder / "net.bin"
    for path, content in zip(paths, (param, numbers), strict=True):
        path.write_bytes(content)
    return paths


def equal(one: list[Convolution], other: list[Convolution]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a.weight, b.weight) and torch.equal(a.bias, b.bias) for a, b in pairs)


def test_the_whole_ncnn_files_are_read(tmp_path: Path) -> None:
    first, second = read_convolutions(*ncnn(tmp_path, *small_ncnn()))
    assert first.weight.shape == (4, 3, 3, 3) and first.bias.shape == (4,) and second.weight.shape == (3, 4, 3, 3)


def test_any_damage_to_the_text_of_an_ncnn_network_is_named(tmp_path: Path) -> None:
    """Refused; or not seen in what is read, as in a layer's name; or another kernel, whose shape the network refuses."""
    param, numbers = small_ncnn()
    whole = read_convolutions(*ncnn(tmp_path, param, numbers))
    refused = seen = 0
    for trial in range(1500):
        rng = generator(trial, "test", "ncnn param")
        changed = bytearray(param)
        changed[rng.integers(len(param))] = rng.integers(256)
        content = bytes(changed) if trial % 3 else damaged(rng, param)[1]
        try:
            found = read_convolutions(*ncnn(tmp_path, content, numbers))
        except UserError as error:
            refused += 1
            assert str(tmp_path / "net.") in str(error) and str(error).endswith(fetched_again(tmp_path / "net.param")), error
        else:
            other = [one.weight.shape for one in found] != [one.weight.shape for one in whole]
            assert len(found) == len(whole) and (other or equal(found, whole)), content
            seen += 1
    assert min(refused, seen) > 200


def test_any_damage_to_the_numbers_of_an_ncnn_network_keeps_the_shapes_or_is_named(tmp_path: Path) -> None:
    param, numbers = small_ncnn()
    shapes = [(4, 3, 3, 3), (3, 4, 3, 3)]
    refused = 0
    for trial in range(300):
        content = damaged(generator(trial, "test", "ncnn bin"), numbers)[1]
        try:
            assert [tuple(one.weight.shape) for one in read_convolutions(*ncnn(tmp_path, param, content))] == shapes
        except UserError as error:
            refused += 1
            assert str(tmp_path / "net.bin") in str(error)
    assert refused > 100


def test_a_graph_of_other_layers_is_not_taken_for_sface(tmp_path: Path) -> None:
    (tmp_path / SFACE_FILE).parent.mkdir()
    (tmp_path / SFACE_FILE).write_bytes(network())
    with pytest.raises(UserError, match=r"Can't read .*\.onnx as SFace \(.+\)\. Delete .*sface and fetch it again"):
        SFace(tmp_path)


LIES = {
    "no utf-8": (b"data", b"d\xbeta", "can't decode"),
    "a key lost": (b"6=108 9=2", b"7=108 9=2", r"line 6: .*no '6='"),
    "no number": (b"0=4", b"0=x", r"line 4: .*'0=x'"),
    "a negative number": (b"0=4", b"0=-4", r"line 4: .*'0=-4'"),
    "no kernel": (b"1=3 4=1 5=1 6=108 9", b"1=0 4=1 5=1 6=108 9", r"line 6: .*'1=0'"),
    "not whole": (b"1=3 4=1 5=1 6=108 9", b"1=5 4=1 5=1 6=108 9", r"line 6: .*108 weights"),
    "a line too many": (b"BinaryOp", b"\x1cBinaryOp", r"5 layers, found 6"),
    "no bias": (b"5=1 6=108 9", b"5=0 6=108 9", r"line 6: .*'5=1'"),
}


@pytest.mark.parametrize(("old", "new", "said"), LIES.values(), ids=list(LIES))
def test_the_line_of_an_ncnn_network_that_lies_is_named(old: bytes, new: bytes, said: str, tmp_path: Path) -> None:
    param, numbers = small_ncnn()
    with pytest.raises(UserError, match=rf"net\.param.*{said}"):
        read_convolutions(*ncnn(tmp_path, param.replace(old, new, 1), numbers))


WITHOUT_RECORD: dict[str, Callable[[Path], object]] = {
    f"dlib/{PREDICTOR}": lambda raw: FaceFinder(raw / "dlib"),
    "dlib/shape_predictor_68_face_landmarks.dat": dlib_landmarks.load,
    "dlib/dlib_face_recognition_resnet_model_v1.dat": dlib_recogniser.load,
    "niqe/niqe_image_params.mat": lambda raw: load_metric("niqe", raw),
    "niqe_official/niqe_pris_params.npz": lambda raw: load_metric("niqe_official", raw),
    "mobilestylegan/SynthesisNetwork.xml": lambda raw: FaceGenerator(raw / "mobilestylegan", 0.8),
    "mobilestylegan/SynthesisNetwork.bin": lambda raw: FaceGenerator(raw / "mobilestylegan", 0.8),
    str(MODEL): FaceDetector,
}


@pytest.mark.parametrize("content", [b"", PAGE, None], ids=["empty", "a page", "cut short"])
@pytest.mark.parametrize("name", WITHOUT_RECORD)
def test_a_damaged_file_without_a_record_is_named(name: str, content: bytes | None, sources: Path, tmp_path: Path) -> None:
    source, file = name.split("/")
    shutil.copytree(sources / source, tmp_path / source, ignore=shutil.ignore_patterns("SOURCE.json"))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError, match=rf"Can't read .*{file.split('.')[0]}.* \(.+\)\. Delete .*{source} and fetch it again"):
        WITHOUT_RECORD[name](tmp_path)


STORED = {
    "a list": [1.5],
    "a number": 1.5,
    "numbers by name": {"a": 1.5},
    "tensors by number": {1: torch.ones(2)},
    "a tensor": torch.ones(3),
}
TENSORS: dict[str, Callable[[Path], object]] = {
    "effnet": EffnetLite0,
    "stlpips": lambda path: StLpips("alex", path),
    "states": lambda path: states.fill(torch.nn.Linear(2, 2), states.read(path), path),
    "fill": lambda path: states.fill(torch.nn.Linear(2, 2), {"weight": 1.5, "bias": torch.ones(2)}, path),
    "official": read_weights,
}


@pytest.mark.parametrize("stored", STORED.values(), ids=list(STORED))
@pytest.mark.parametrize("read", TENSORS.values(), ids=list(TENSORS))
def test_a_torch_file_of_something_else_is_named(read: Callable[[Path], object], stored: object, tmp_path: Path) -> None:
    torch.save(stored, tmp_path / "net.pth")
    with pytest.raises(UserError, match=r"net\.pth"):
        read(tmp_path / "net.pth")


CONFIGS = ['{"width": -8}', '{"widht": 32}', '{"width": "wide"}', '{"width": null}', "[]", "7", '{"width": 8', ""]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_damaged_config_is_named(config: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models/clrface/mask", tmp_path / "mask")
    (tmp_path / "mask" / "config.json").write_text(config)
    with pytest.raises(UserError, match=r"Can't read .*mask/config\.json \(.+\)\. It is damaged"):
        load_network(LatentMask, tmp_path / "mask")
