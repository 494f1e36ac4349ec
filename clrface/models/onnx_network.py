"""A recogniser's ONNX file as a torch network, which makes it differentiable: guidance may climb
it, or a metric read it.

It takes what residual recognisers are made of (insightface's IResNet among them): convolutions,
normalisations, PReLU, sums, a linear layer. SFace's file needs more, for it is quantised:
clrface.models.recogniser.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from clrface.errors import UserError, reading
from clrface.intact import fetched_again, intact

Options = Mapping[str, Any]


class OnnxNetwork(nn.Module):
    """The graph in `path`, of one input and one output; frozen, differentiable in its input.

    Raises: UserError for a file that is damaged or holds other layers (LAYERS has those it takes).
    """

    def __init__(self, path: Path):
        super().__init__()
        graph = read_graph(path)
        for node in graph.node:
            if node.op_type not in LAYERS and node.op_type != "Constant":
                raise UserError(f"{path} holds a layer of kind {node.op_type}, which is not expected: fetch the pinned file again.")
        stored = _stored(graph)
        self._places = {name: f"weight_{place}" for place, name in enumerate(stored)}
        for name, values in stored.items():
            self.register_buffer(self._places[name], torch.from_numpy(np.array(values)))
        self._nodes = [
            (LAYERS[node.op_type], _options(node), list(node.input), node.output[0]) for node in graph.node if node.op_type != "Constant"
        ]
        self._input = next(item.name for item in graph.input if item.name not in stored)
        self._output = graph.output[0].name
        self.scales_its_input = any(node.op_type == "Sub" for node in graph.node[:8])
        """Whether the graph itself subtracts a mean and scales, by insightface's rule. Such a file
        takes pixels in [0, 255], another one what its authors scale pixels to.
        """

    def forward(self, x: Tensor) -> Tensor:
        """Return the output for `x`, (B, 3, H, W) of the size and range that the file takes."""
        values = {self._input: x}
        last = {name: place for place, (_, _, names, _) in enumerate(self._nodes) for name in names}
        for place, (layer, options, names, output) in enumerate(self._nodes):
            values[output] = layer(options, *(self._value(name, values) for name in names))
            for name in set(names) & values.keys():
                if last[name] == place and name != self._output:
                    del values[name]  # memory for 24 residual blocks otherwise
        return values[self._output]

    def _value(self, name: str, values: Mapping[str, Tensor]) -> Tensor | None:
        """A layer's input: an earlier layer's output, or a weight; None where an optional one is
        left out.
        """
        if not name:
            return None
        return values[name] if name in values else getattr(self, self._places[name])


def read_graph(path: Path) -> onnx.GraphProto:
    """Read an ONNX file's graph, and check that every layer's inputs are there.

    Raises: UserError for a file that is damaged, missing, or has a graph without input or output.
    """
    with reading(f"{path} as an ONNX file", fetched_again(path)):
        graph = onnx.load(str(intact(path))).graph
        known = {*_stored(graph), *(item.name for item in graph.input), ""}
        for node in graph.node:
            if missing := [name for name in node.input if name not in known]:
                raise ValueError(f"the layer '{node.name}' needs '{missing[0]}', which nothing gives")
            known.update(node.output)
        if [item.name for item in graph.output if item.name not in known] or not graph.input or not graph.output:
            raise ValueError("its graph has no input, or an output that nothing gives")
        return graph


def _stored(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Weights and constants, by name."""
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    return stored | {node.output[0]: _constant(node) for node in graph.node if node.op_type == "Constant"}


def _options(node: onnx.NodeProto) -> Options:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _constant(node: onnx.NodeProto) -> np.ndarray:
    return numpy_helper.to_array(_options(node)["value"])


def _convolution(options: Options, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    top, left, bottom, right = options.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        x, top, left = functional.pad(x, (left, right, top, bottom)), 0, 0
    strides, dilations = (tuple(options.get(name, [1, 1])) for name in ("strides", "dilations"))
    return functional.conv2d(x, weight, bias, strides, (top, left), dilations, options.get("group", 1))


def _batch_norm(options: Options, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return functional.batch_norm(x, mean, variance, gamma, beta, training=False, eps=options.get("epsilon", 1e-5))


def _linear(options: Options, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    left = x.T if options.get("transA") else x
    right = weight.T if options.get("transB") else weight
    product = options.get("alpha", 1.0) * (left @ right)
    return product if bias is None else product + options.get("beta", 1.0) * bias


LAYERS: dict[str, Callable[..., Tensor]] = {
    "Conv": _convolution,
    "BatchNormalization": _batch_norm,
    "Gemm": _linear,
    "PRelu": lambda options, x, slope: torch.where(x < 0, x * slope, x),
    "Relu": lambda options, x: functional.relu(x),
    "Add": lambda options, x, y: x + y,
    "Sub": lambda options, x, y: x - y,
    "Mul": lambda options, x, y: x * y,
    "Div": lambda options, x, y: x / y,
    "Reshape": lambda options, x, shape: x.reshape(len(x), *shape[1:].tolist()),  # the first axis is the batch, whatever the file says
    "Flatten": lambda options, x: x.flatten(options.get("axis", 1)),
    "Dropout": lambda options, x, *rest: x,
    "Identity": lambda options, x: x,
}
