"""SFace (Zhong et al. 2021), the recogniser that trains the IRN and guides CLR-Face: rebuilt in
torch from its ONNX file.

It ranks no method: the tables' identity metrics use dlib's network, which guidance doesn't
optimise. The metric `ids_sface` (protocol `diagnosis`) shows its cosine as a diagnostic.

The file stores its convolutions as block-quantised int8 and lists their folded copies as inputs; so
the initialisers are read and dequantised here rather than the graph run, which also makes the
network differentiable.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from clrface.align.templates import FFHQ, UTKFACE
from clrface.errors import UserError, reading, unknown_name
from clrface.intact import fetched_again
from clrface.models.onnx_network import read_graph

SFACE_FILE = Path("sface", "face_recognition_sface_2021dec_int8bq.onnx")
CHIP_PX = 112
FEATURES = 128
Change = Callable[[torch.Tensor, int], torch.Tensor]
"""Map the features behind a convolution, (B, C, h, w), and the convolution's index among all of
them, from 0, to features of the same shape.
"""
# Pixels of the 112 x 112 chip: ArcFace's template, its two eyes and the middle of its mouth corners.
ARCFACE_POINTS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.1396, 92.2848]])
TEMPLATES = {"utkface": (UTKFACE, ARCFACE_POINTS / CHIP_PX), "ffhq": (FFHQ, (ARCFACE_POINTS + 0.5) / CHIP_PX)}
"""How faces are aligned, and so how the chip is laid: the three points in shares of the face's side
and of the chip's. UTKFace's chip, without the half pixel, is what the shipped weights learned.
"""


class SFace(nn.Module):
    """Map aligned faces, (B, 3, H, W) RGB in [0, 1], to unit vectors (B, 128) float32.

    Weights are frozen; the map is differentiable in the faces. Their dot product is the cosine
    similarity: higher for the same person.

    Args:
        sources: the folder of fetched sources, which holds SFACE_FILE.
        template: how the faces are aligned, a key of TEMPLATES.

    Raises: UserError for an unknown template, and a file that is missing, damaged or another one.
    """

    chip: torch.Tensor

    def __init__(self, sources: Path, template: str = "utkface"):
        super().__init__()
        if template not in TEMPLATES:
            raise unknown_name("template of aligned faces", template, TEMPLATES)
        path = Path(sources) / SFACE_FILE
        if not path.is_file():
            raise UserError(f"No weights at {path}. Fetch it first: python -m clrface fetch sface.")
        with reading(f"{path} as SFace", fetched_again(path)):
            layers = nn.Sequential(*_fold_batch_norms(_layers(read_graph(path)))).eval().requires_grad_(False)
        self.layers = layers.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's overloads leave it out
        self.register_buffer("chip", torch.from_numpy(_chip_transform(*TEMPLATES[template])).float())

    @property
    def channels(self) -> list[int]:
        """How many channels each convolution gives, in order."""
        return [layer.out_channels for layer in self.layers if isinstance(layer, nn.Conv2d)]

    def forward(self, x: torch.Tensor, change: Change | None = None) -> torch.Tensor:
        """Embed faces; `change`, if given, is applied behind every convolution
        (clrface.models.identity).
        """
        grid = functional.affine_grid(self.chip.float().expand(len(x), 2, 3), [len(x), 3, CHIP_PX, CHIP_PX], align_corners=False)
        chips = functional.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
        scaled = ((chips * 255.0 - 127.5) / 128.0).contiguous(memory_format=torch.channels_last)
        features = self.layers(scaled) if change is None else self._changed(scaled, change)
        return functional.normalize(features.float(), dim=1)

    def _changed(self, features: torch.Tensor, change: Change) -> torch.Tensor:
        place = 0
        for layer in self.layers:
            features = layer(features)
            if isinstance(layer, nn.Conv2d):
                features = change(features, place)
                place += 1
        return features

    def train(self, mode: bool = True) -> "SFace":
        """Stay in evaluation mode: its batch statistics are part of its weights."""
        return super().train(False)


def _chip_transform(face: np.ndarray, chip: np.ndarray) -> np.ndarray:
    """(2, 3) for affine_grid: chip coordinates in [-1, 1] to the face's in [-1, 1], a least-squares
    similarity.
    """
    chip, face = chip * 2 - 1, face * 2 - 1
    rows, values = [], []
    for (x, y), (u, v) in zip(chip, face, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        values += [u, v]
    a, b, tx, ty = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return np.array([[a, -b, tx], [b, a, ty]])


def _layers(graph: onnx.GraphProto) -> list[nn.Module]:
    """The graph's chain of Conv, BatchNormalization, PRelu, Flatten and Gemm as torch modules."""
    tensors = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    layers: list[nn.Module] = []
    for node in graph.node:
        if node.op_type in ("DequantizeLinear", "Reshape"):
            tensors[node.output[0]] = _constant(node, tensors)
        elif node.op_type == "Conv":
            layers.append(_convolution(node, tensors))
        elif node.op_type == "BatchNormalization":
            layers.append(_batch_norm(node, tensors, flat=bool(layers) and isinstance(layers[-1], nn.Linear)))
        elif node.op_type == "PRelu":
            layers.append(FrozenPReLU(tensors[node.input[1]]))
        elif node.op_type == "Flatten":
            layers.append(nn.Flatten())
        elif node.op_type == "Gemm":
            layers.append(_linear(tensors[node.input[1]], tensors[node.input[2]]))
        elif node.op_type not in ("Sub", "Mul", "Constant", "Dropout"):  # the first two are the input's scaling, done above
            raise UserError(f"SFace's file holds a layer of kind {node.op_type}, which is not expected: fetch the pinned file again.")
    return layers


def _fold_batch_norms(layers: list[nn.Module]) -> list[nn.Module]:
    """Each convolution with the normalisation behind it as one convolution."""
    folded: list[nn.Module] = []
    for layer in layers:
        before = folded[-1] if folded else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            folded[-1] = fuse_conv_bn_eval(before.eval(), layer.eval())
        else:
            folded.append(layer)
    return folded


def _constant(node: onnx.NodeProto, tensors: dict[str, np.ndarray]) -> np.ndarray:
    if node.op_type == "Reshape":
        return tensors[node.input[0]].reshape(tensors[node.input[1]])
    options = {item.name: item.i for item in node.attribute}
    values, scales, zeros = (tensors[name].astype(np.float32) for name in node.input)
    axis, block = options["axis"], options["block_size"]
    length = values.shape[axis]
    scales, zeros = (np.repeat(item, block, axis=axis).take(range(length), axis=axis) for item in (scales, zeros))
    return (values - zeros) * scales


def _convolution(node: onnx.NodeProto, tensors: dict[str, np.ndarray]) -> nn.Conv2d:
    options = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    weight = tensors[node.input[1]]
    layer = nn.Conv2d(
        weight.shape[1] * options["group"],
        weight.shape[0],
        _pair(options["kernel_shape"]),
        stride=_pair(options["strides"]),
        padding=_pair(options["pads"]),
        groups=options["group"],
        bias=False,
    )
    layer.weight.data = torch.from_numpy(weight.copy())
    return layer


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return values[0], values[1]


def _batch_norm(node: onnx.NodeProto, tensors: dict[str, np.ndarray], flat: bool) -> nn.Module:
    gamma, beta, mean, variance = (torch.from_numpy(tensors[name].copy()) for name in node.input[1:5])
    epsilon = next(item.f for item in node.attribute if item.name == "epsilon")
    layer = (nn.BatchNorm1d if flat else nn.BatchNorm2d)(len(gamma), eps=epsilon)
    layer.load_state_dict(
        {
            "weight": gamma,
            "bias": beta,
            "running_mean": mean,
            "running_var": variance,
            "num_batches_tracked": torch.zeros((), dtype=torch.long),
        }
    )
    return layer


class FrozenPReLU(nn.Module):
    """PReLU, x or slope * x below 0, of (B, C, h, w) with one frozen `slope` a channel, (C,).

    torch's own computes the slopes' gradient even so, which took half of the time of a guided step.
    """

    slope: torch.Tensor

    def __init__(self, slope: np.ndarray):
        super().__init__()
        self.register_buffer("slope", torch.from_numpy(slope.reshape(-1).copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, _FrozenPReLU.apply(x, self.slope))


class _FrozenPReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, slope)
        return torch.prelu(x, slope.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        x, slope = ctx.saved_tensors
        (gradient,), slope = gradients, slope.to(x.dtype)[:, None, None]
        where_positive = torch.ops.aten.threshold_backward(gradient, x, 0)
        return (slope * gradient).addcmul_(where_positive, 1 - slope), None


def _linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())
    return layer
