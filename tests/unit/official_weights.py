"""Files of random weights in the official layout of the field's metric networks and rivals. The real ones can't be had in a test."""

import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import onnx
import skimage.data
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from pytorch_fid import inception as fid

from clrface.metrics.networks.adaface import IR50
from clrface.metrics.networks.arcface_r18 import ResNetFace18
from clrface.metrics.networks.awing_fan import AwingFan
from clrface.metrics.networks.inception import WEIGHTS as INCEPTION
from clrface.metrics.networks.inception import Inception
from clrface.registry import make_method

EMBEDDING = 512
RIVALS = {
    "gfpgan_1_4": ("GFPGANv1.4.pth", "params_ema"),
    "restoreformer": ("RestoreFormer.pth", "params"),
    "codeformer": ("codeformer.pth", "params_ema"),
}
"""Their files, and the key under which the authors' training code keeps the weights."""


def write_all(folder: Path, sources: Path) -> Path:
    """Every file that the protocols of 512x512 read, under `folder`; those of the package index are copied from `sources`."""
    write_scripts(folder, sources)
    torch.manual_seed(0)
    adaface(folder / "adaface" / "adaface_ir50_ms1mv2.ckpt")
    iresnet(folder / "buffalo_l" / "w600k_r50.onnx")
    detector(folder / "buffalo_l_detector" / "det_10g.onnx")
    if not (sources / "mobilefacenet").exists():  # npm, which brings the real one, isn't everywhere
        mobilefacenet(folder / "mobilefacenet" / "fr_feature.onnx")
    return folder


def write_scripts(folder: Path, sources: Path) -> Path:
    """The files that the field's own scripts read too, under `folder`: the same for everyone, so that its values can be constants."""
    for name in ("lpips", "niqe_official"):
        shutil.copytree(sources / name, folder / name)
    for seed, (path, make) in enumerate(SCRIPTS.items()):
        torch.manual_seed(seed)
        save(make(), folder / path)
    features = Inception(folder / INCEPTION).features(images(192).numpy())
    drawn = np.random.default_rng(0).normal(features.mean(0), features.std(0), (64, 2048))
    statistics(folder / "ffhq512_statistics" / "inception_FFHQ_512.pth", drawn)
    return folder


def write_rival(name: str, folder: Path) -> torch.nn.Module:
    """A rival's network, of its authors' size, with random weights that are saved in the layout of their file, under `folder`."""
    file, key = RIVALS[name]
    torch.manual_seed(0)
    network: torch.nn.Module = make_method(name, {}).make_network()  # type: ignore[attr-defined]
    for value in network.parameters():
        if value.numel() == 1:  # GFPGAN's weights of its noise start at 0: with noise that counts, its seed shows
            value.data.fill_(0.1)
    save({key: network.state_dict()}, folder / name / file)
    return network


def save(content: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def trunk(net: str) -> dict[str, torch.Tensor]:
    """torchvision's names and shapes; the classifier, which LPIPS leaves aside, is zeros that take no room."""
    with torch.device("meta"):
        network = torchvision.models.vgg16() if net == "vgg" else torchvision.models.alexnet()
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    return {name: he(shape) if name.startswith("features.") else torch.zeros(1).expand(shape) for name, shape in shapes.items()}


def he(shape: torch.Size) -> torch.Tensor:
    """Weights that keep the size of what passes."""
    return torch.randn(shape) * (2 / shape[1:].numel()) ** 0.5 if len(shape) > 1 else 0.1 * torch.randn(shape)


def inception() -> dict[str, torch.Tensor]:
    """pytorch-fid's own network, before it reads its file."""
    with mock.patch.object(fid, "load_state_dict_from_url", return_value={}), mock.patch.object(torch.nn.Module, "load_state_dict"):
        network = fid.fid_inception_v3()
    return learnt(network, 2 * images(299)[::2] - 1).state_dict()


def images(side_px: int) -> torch.Tensor:
    """(8, 3, side, side) RGB in [0, 1]: parts of a photograph."""
    image = torch.from_numpy(np.moveaxis(skimage.data.astronaut(), -1, 0).astype(np.float32) / 255)
    parts = torch.stack([image[:, top : top + 192, left : left + 192] for top in (0, 300) for left in (0, 100, 200, 300)])
    return torch.nn.functional.interpolate(parts, (side_px, side_px), mode="bilinear")


def learnt(network: torch.nn.Module, x: torch.Tensor) -> Any:
    """The network with the means and variances of images in its normalisations, as after some training."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the plain mean of what it sees
            module.reset_running_stats()
    with torch.no_grad():
        network.train()(x)
    return network.eval()


def spread(network: torch.nn.Module) -> Any:
    """Running means and variances as after some training, where a forward pass would take too long."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def parallel(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """As saved under DataParallel, by a torch before 0.4.1."""
    return {f"module.{name}": value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}


def statistics(path: Path, features: np.ndarray) -> None:
    """BasicSR's layout, with arrays as numpy 1 pickled them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cov = np.cov(features, rowvar=False)
    torch.save({"name": "FFHQ", "size": 512, "mean": features.mean(0), "cov": cov}, path, pickle_module=OldPickle)


class OldPickle:
    """pickle, as numpy 1 had arrays written: `numpy.core`, not `numpy._core`. The scripts' environments have numpy 1."""

    class Pickler(pickle._Pickler):  # pyright: ignore
        def save_global(self, obj: object, name: str | None = None) -> None:
            if getattr(obj, "__module__", "") == "numpy._core.multiarray":
                self.write(b"cnumpy.core.multiarray\n" + obj.__name__.encode() + b"\n")  # pyright: ignore
                self.memoize(obj)
            else:
                super().save_global(obj, name)

        dispatch = pickle._Pickler.dispatch | {type(np.frombuffer): save_global}  # pyright: ignore

    dumps = staticmethod(pickle.dumps)


def adaface(path: Path) -> None:
    """The training's checkpoint: the network after `model.`, its head, and what the trainer pickled of its own classes."""
    network = learnt(IR50(), 2 * images(112) - 1)
    state = {f"model.{name}": value for name, value in network.state_dict().items()} | {"head.kernel": torch.randn(EMBEDDING, 8)}
    with trainer() as (ModelCheckpoint, AttributeDict):
        rest = {"callbacks": {ModelCheckpoint: {"best_model_score": torch.tensor(0.9)}}, "hyper_parameters": AttributeDict(arch="ir_50")}
        save({"epoch": 1, "state_dict": state} | rest, path)


@contextmanager
def trainer() -> Iterator[tuple[type, type]]:
    """Two classes that lie where PyTorch Lightning's do, for as long as something is pickled."""
    names = {"pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint", "pytorch_lightning.utilities.parsing": "AttributeDict"}
    modules = {name: ModuleType(name) for name in names}
    parents = {name: ModuleType(name) for name in ("pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.utilities")}
    kinds = [type(kind, (dict,), {"__module__": name}) for name, kind in names.items()]
    for kind in kinds:
        setattr(modules[kind.__module__], kind.__name__, kind)
    with mock.patch.dict(sys.modules, parents | modules):
        yield kinds[0], kinds[1]


def iresnet(path: Path, width: int = 8) -> None:
    """insightface's layout: blocks of normalise, convolve (its own normalisation folded in), PReLU, convolve, add; then normalise,
    flatten, a linear layer, normalise."""
    graph = Graph()
    x = graph.prelu(graph.conv("input.1", 3, width), width)
    for inner, outer in ((width, width), (width, 2 * width), (2 * width, 2 * width)):
        inside = graph.prelu(graph.conv(graph.norm(x, inner), inner, outer), outer)
        shortcut = graph.conv(x, inner, outer, kernel=1, stride=2)
        x = graph.add("Add", graph.conv(inside, outer, outer, stride=2), shortcut)
    x = graph.add("Flatten", graph.norm(x, 2 * width), axis=1)
    side = 14
    weight, bias = graph.weight((EMBEDDING, 2 * width * side * side), 0.02), graph.weight((EMBEDDING,), 0.1)
    x = graph.add("Gemm", x, weight, bias, alpha=1.0, beta=1.0, transB=1)
    graph.save(graph.norm(x, EMBEDDING), path)


def mobilefacenet(path: Path, width: int = 8) -> None:
    """The npm package's layout: convolutions with PReLU, a sum, one convolution over all places, and a reshape to one image's features."""
    graph = Graph()
    x = graph.prelu(graph.conv("input.1", 3, width, stride=2), width)
    x = graph.add("Add", x, graph.prelu(graph.conv(x, width, width), width))
    x = graph.conv(graph.conv(x, width, 2 * width, stride=4), 2 * width, EMBEDDING, kernel=14)
    graph.weights.append(numpy_helper.from_array(np.array([1, EMBEDDING]), "shape"))
    graph.save(graph.add("Reshape", x, "shape"), path)


def fan68(path: Path) -> None:
    """face-alignment's own network, as it saves its tensors. For where the package is installed."""
    from face_alignment.models import FAN  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    save(spread(FAN(4)).state_dict(), path)


def detector(path: Path) -> None:
    """SCRFD's layout: at strides 8, 16, 32 two anchors a place: score, distances to the box's sides, five points. It finds brightness."""
    nodes, weights, outputs = [], [], {"scores": [], "boxes": [], "points": []}

    def constant(values: Any, name: str, kind: Any = np.float32) -> str:
        weights.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    for stride in (8, 16, 32):
        nodes.append(helper.make_node("AveragePool", ["input.1"], [f"x{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2))
        points = np.tile([[-2, -2, 2, -2, 0, 0, -1.5, 2, 1.5, 2]], (2, 1)).ravel()
        heads = {
            "scores": (np.full((2, 3), 5), [2.0] * 2, 1),
            "boxes": (np.zeros((8, 3)), [4] * 8, 4),
            "points": (np.zeros((20, 3)), points, 10),
        }
        for head, (slope, bias, width) in heads.items():
            name = f"{head}{stride}"
            inputs = [f"x{stride}", constant(slope[..., None, None], f"{name}w"), constant(bias, f"{name}b")]
            nodes.append(helper.make_node("Conv", inputs, [f"{name}c"]))
            nodes.append(helper.make_node("Sigmoid" if head == "scores" else "Identity", [f"{name}c"], [f"{name}s"]))
            nodes.append(helper.make_node("Transpose", [f"{name}s"], [f"{name}t"], perm=[0, 2, 3, 1]))
            nodes.append(helper.make_node("Reshape", [f"{name}t", constant([-1, width], f"{name}r", np.int64)], [name]))
            outputs[head].append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]))
    image = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, "?", "?"])
    graph = helper.make_graph(nodes, "detector", [image], [one for head in outputs.values() for one in head], weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)


class Graph:
    """A chain of ONNX nodes with random weights."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, shape: tuple[int, ...], scale: float, middle: float = 0.0) -> str:
        name = f"{600 + len(self.weights)}"
        values = (middle + scale * self.rng.standard_normal(shape)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, *inputs: str, **options: Any) -> str:
        output = f"{300 + len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **options))
        return output

    def conv(self, x: str, inner: int, outer: int, kernel: int = 3, stride: int = 1) -> str:
        names = self.weight((outer, inner, kernel, kernel), (2 / inner) ** 0.5 / kernel), self.weight((outer,), 0.1)
        pad = kernel // 2 if kernel % 2 else 0
        options = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "dilations": [1, 1], "group": 1}
        return self.add("Conv", x, *names, **options)

    def norm(self, x: str, channels: int) -> str:
        names = [self.weight((channels,), 0.1, middle) for middle in (1.0, 0.0, 0.0)] + [self.weight((channels,), 0.0, 1.5)]
        return self.add("BatchNormalization", x, *names, epsilon=1e-5, momentum=0.9)

    def prelu(self, x: str, channels: int) -> str:
        return self.add("PRelu", x, self.weight((channels, 1, 1), 0.05, 0.25))

    def save(self, output: str, path: Path) -> None:
        faces = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["None", 3, 112, 112])
        embedding = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, EMBEDDING])
        graph = helper.make_graph(self.nodes, "recogniser", [faces], [embedding], self.weights)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)


def arcface() -> dict[str, torch.Tensor]:
    return parallel(learnt(ResNetFace18(), 2 * images(128).mean(1, keepdim=True) - 1))


def awing_fan() -> dict[str, Any]:
    return {"state_dict": learnt(AwingFan(), images(256)[:2]).state_dict()}


SCRIPTS = {
    "vgg16/vgg16-397923af.pth": lambda: trunk("vgg"),
    "alexnet/alexnet-owt-7be5be79.pth": lambda: trunk("alex"),
    INCEPTION: inception,
    "arcface_r18_110/resnet18_110.pth": arcface,
    "arcface_r18/arcface_resnet18.pth": arcface,
    "awing_fan/alignment_WFLW_4HG.pth": awing_fan,
}
