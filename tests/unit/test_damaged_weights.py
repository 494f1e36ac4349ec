"""Damaged files of weights, as `benchmarks/chaos.py` found them: one message that names the file, whatever the bytes lead a reader to."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from clrface.errors import UserError
from clrface.metrics.networks import states
from clrface.models.onnx_network import OnnxNetwork
from clrface.restoration.official import read_weights


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
