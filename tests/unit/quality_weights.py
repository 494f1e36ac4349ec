"""Random weights for pyiqa's networks, in the layout of the files that it reads. For where pyiqa is installed."""

from pathlib import Path
from typing import Any

import torch

from clrface.metrics.networks import pyiqa_networks
from tests.unit.official_weights import save


def musiq_file(path: Path) -> None:
    """At its size: 110 MB."""
    save(_made("musiq").state_dict(), path)


def maniqa_file(path: Path) -> None:
    """At its size: 540 MB."""
    with pyiqa_networks._empty_backbone():
        network = _made("maniqa")
    for name, value in network.named_parameters():
        if name in ("fc_score.0.bias", "fc_score.3.bias"):
            value.data.fill_(0.5)  # its last ReLU else gives 0
    save(network.state_dict(), path)


def _made(name: str) -> Any:
    torch.manual_seed(0)
    return pyiqa_networks._pyiqa().create_metric(name, pretrained=False, device="cpu").net


def clip_file(path: Path) -> None:
    """OpenAI's layout, a TorchScript archive with the network's tensors and three sizes; the file says its own size, so it may be small."""
    torch.manual_seed(0)
    pyiqa_networks._pyiqa()
    with pyiqa_networks._clip_importable():
        from pyiqa.archs.clip_model import CLIP  # pyright: ignore[reportMissingImports]

        network = CLIP(64, 224, (1, 1, 1, 1), 64, 0, 77, 49408, 64, 1, 1)
    archive = _tree(network)
    for name, size in (("input_resolution", 224), ("context_length", 77), ("vocab_size", 49408)):
        archive.register_buffer(name, torch.tensor(size))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(archive).save(str(path))


class Tree(torch.nn.Module):
    """Tensors by name, without any arithmetic."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def _tree(network: torch.nn.Module) -> Tree:
    tree = Tree()
    for name, child in network.named_children():
        tree.add_module(name, _tree(child))
    for name, value in network.named_parameters(recurse=False):
        tree.register_parameter(name, value)
    for name, value in network.named_buffers(recurse=False):
        tree.register_buffer(name, value)
    return tree
