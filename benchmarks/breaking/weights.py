"""Files offered as weights: pickles that run code, and damaged files, through each reader of weights."""

import functools
import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmarks.breaking.damage import damaged
from benchmarks.breaking.ledger import Attempt, Wrong
from clrface.files import sha256_file
from clrface.intact import RECORD, source_file
from clrface.metrics.networks import states
from clrface.models.loading import load_network
from clrface.models.mask import LatentMask
from clrface.models.ncnn_weights import HALF, read_convolutions
from clrface.models.onnx_network import OnnxNetwork
from clrface.paths import root
from clrface.restoration.official import read_weights

MASK = Path("models/clrface/mask")


class Runs:
    """An object whose unpickling runs code: it makes a file."""

    def __init__(self, marker: Path, way: int):
        self.marker, self.way = marker, way

    def __reduce__(self) -> Any:
        if self.way == 0:
            return os.system, (f"touch '{self.marker}'",)
        if self.way == 1:
            return eval, (f"open({str(self.marker)!r}, 'w').close()",)
        return Path.touch, (self.marker,)


def trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """One file through one reader."""
    if rng.random() < 0.4:
        return _malicious(rng, folder)
    name = str(rng.choice(list(READERS)))
    return READERS[name](rng, folder)


def _malicious(rng: np.random.Generator, folder: Path) -> Attempt:
    """A pickle that runs code, alone or among tensors, in any of torch's layouts, through both readers of torch files."""
    marker, path = folder / "ran", folder / "net.pth"
    evil = Runs(marker, int(rng.integers(3)))
    stored: Any = [evil, {"weight": torch.zeros(2), "bias": evil}, {"state_dict": {"a": torch.zeros(2)}, "epoch": evil}][rng.integers(3)]
    layout = int(rng.integers(3))
    if layout == 2:
        path.write_bytes(pickle.dumps(stored, protocol=int(rng.integers(2, 6))))
    else:
        torch.save(stored, path, _use_new_zipfile_serialization=bool(layout))
    read = (states.read, read_weights)[rng.integers(2)]

    def run() -> None:
        try:
            read(path)
        finally:
            if marker.exists():
                raise Wrong("the pickle's code was run")
        raise Wrong("a pickle with code was taken")

    return Attempt(f"{read.__module__.split('.')[-1]}: malicious pickle, layout {layout}", run)


def _torch_file(rng: np.random.Generator, folder: Path) -> Attempt:
    """A damaged torch file: refused, or read as tensors by name. With a source's record it is always refused."""
    out = io.BytesIO()
    layout = bool(rng.integers(2))
    torch.save({"a.weight": torch.arange(100.0), "b.bias": torch.ones(3, 4)}, out, _use_new_zipfile_serialization=layout)
    path = folder / "toy" / "net.pth"
    path.parent.mkdir()
    path.write_bytes(out.getvalue())
    recorded = bool(rng.integers(2))
    if recorded:
        member = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
        (path.parent / RECORD).write_text(json.dumps({"members": {path.name: member}}))
    harm, content = damaged(rng, out.getvalue())
    path.write_bytes(content)
    read = (states.read, read_weights)[rng.integers(2)]

    def run() -> None:
        found = read(source_file(folder, "toy/net.pth"))
        if recorded and content != out.getvalue():
            raise Wrong("a damaged file was taken against its record")
        if not all(isinstance(name, str) for name in found):
            raise Wrong(f"read as {list(found)[:3]}")

    return Attempt(f"{read.__module__.split('.')[-1]}: {harm}{', recorded' if recorded else ''}", run)


@functools.cache
def _mask_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root() / MASK).iterdir()}


def _network(rng: np.random.Generator, folder: Path) -> Attempt:
    """A network's folder, in which one file is damaged."""
    names = sorted(_mask_files())
    hit = names[rng.integers(len(names))]
    harm, content = damaged(rng, _mask_files()[hit])
    for name, good in _mask_files().items():
        (folder / name).write_bytes(content if name == hit else good)

    def run() -> None:
        network = load_network(LatentMask, folder)
        if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
            raise Wrong("a network with numbers that are not finite was taken")

    return Attempt(f"load_network: {hit.split('.')[-1]} {harm}", run)


def _onnx_file(rng: np.random.Generator, folder: Path) -> Attempt:
    harm, content = damaged(rng, _small_onnx())
    path = folder / "net.onnx"
    path.write_bytes(content)

    def run() -> None:
        OnnxNetwork(path)(torch.zeros(1, 3, 8, 8))

    return Attempt(f"OnnxNetwork: {harm}", run)


@functools.cache
def _small_onnx() -> bytes:
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["h"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["h"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, 8, 8]) for name in "xy"]
    return onnx.ModelProto.SerializeToString(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])))


def small_ncnn() -> tuple[bytes, bytes]:
    """A network in ncnn's format as Real-ESRGAN's publisher packs it: two convolutions behind a split, its text and its numbers."""
    lines = [
        "7767517",
        "5 6",
        "Input                    data                     0 1 data",
        "Convolution              Conv_0                   1 1 data 1 0=4 1=3 4=1 5=1 6=108",
        "Split                    splitncnn_0              1 2 1 1_0 1_1",
        "Convolution              Conv_1                   1 1 1_0 2 0=3 1=3 4=1 5=1 6=108 9=2 -23310=1,2.000000e-01",
        "BinaryOp                 Add_2                    2 1 2 1_1 output 0=0",
    ]
    rng, tag = np.random.default_rng(0), HALF.to_bytes(4, "little")
    blocks = [
        tag + rng.standard_normal(108).astype("<f2").tobytes() + rng.standard_normal(count).astype("<f4").tobytes() for count in (4, 3)
    ]
    return "\n".join([*lines, ""]).encode(), b"".join(blocks)


def _ncnn_files(rng: np.random.Generator, folder: Path) -> Attempt:
    """A damaged text of layers, or damaged numbers: refused, or read as convolutions of the layers' number."""
    whole, hit = small_ncnn(), int(rng.integers(2))
    harm, content = damaged(rng, whole[hit])
    paths = folder / "net.param", folder / "net.bin"
    for place, path in enumerate(paths):
        path.write_bytes(content if place == hit else whole[place])

    def run() -> None:
        if len(found := read_convolutions(*paths)) != 2:
            raise Wrong(f"read as {len(found)} convolutions")

    return Attempt(f"read_convolutions: {paths[hit].suffix} {harm}", run)


READERS: dict[str, Callable[[np.random.Generator, Path], Attempt]] = {
    "torch": _torch_file,
    "network": _network,
    "onnx": _onnx_file,
    "ncnn": _ncnn_files,
}
