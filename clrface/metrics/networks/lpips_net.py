"""LPIPS 0.1: the network of the package `lpips`, with weights from files.

Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018. The trunk has torchvision's ImageNet weights;
the linear layers' weights are in the package's wheel. Differentiable in both images. Without
gradients the arithmetic is the same, bit by bit, in less memory and time.
"""

import re
import warnings
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from clrface import torchvision_import
from clrface.intact import source_file
from clrface.metrics.networks import states
from clrface.metrics.networks.pooling import use_fast_pooling
from clrface.metrics.networks.stlpips import SCALE, SHIFT

torchvision_import.prepare()

import lpips  # noqa: E402  needs torchvision, which is prepared above

Net = Literal["vgg", "alex"]
TRUNKS = {"vgg": "vgg16/vgg16-397923af.pth", "alex": "alexnet/alexnet-owt-7be5be79.pth"}


class Lpips(nn.Module):
    """The distance between two batches, by the official trunk and linear layers under `sources`.

    Raises: UserError for a file that is missing, or of another network.
    """

    def __init__(self, net: Net, sources: Path):
        super().__init__()
        trunk, lins = source_file(sources, TRUNKS[net]), source_file(sources, f"lpips/{net}.pth")
        with torch.device("meta"), warnings.catch_warnings():  # no random start: every tensor comes from a file
            warnings.simplefilter("ignore")  # the package calls torchvision by an older name of an option
            self.network = lpips.LPIPS(pretrained=False, pnet_rand=True, net=net, verbose=False)
        state = _trunk(states.read(trunk), self.network) | _lins(states.read(lins))
        state |= {"scaling_layer.shift": _plane(SHIFT), "scaling_layer.scale": _plane(SCALE)}
        states.fill(self.network, state, lins)
        use_fast_pooling(self.network)

    def forward(self, pred: Tensor, ref: Tensor) -> Tensor:
        """Return distances, (B,), between two (B, 3, H, W) in [0, 1]; 0 for equal images.

        The network gets the images in [-1, 1].
        """
        if torch.is_grad_enabled():
            return self.network(2 * pred - 1, 2 * ref - 1).reshape(-1)
        network: Any = self.network
        maps = [network.net(network.scaling_layer(2 * image - 1)) for image in (pred, ref)]
        return reduce(torch.add, (_of_layer(*layer) for layer in zip(network.lins, *maps, strict=True))).reshape(-1)


def _of_layer(lin: nn.Module, pred: Tensor, ref: Tensor) -> Tensor:
    """Return a layer's part of the distance, (B, 1, 1, 1), as the package computes it.

    The maps are used up. At 512 px they have 67 MB each, and memory for every step's result would
    take as long as the steps.
    """
    difference = _scale_to_unit(pred).sub_(_scale_to_unit(ref))
    return lin(difference.mul_(difference)).mean((2, 3), keepdim=True)


def _scale_to_unit(maps: Tensor) -> Tensor:
    """Scale every pixel's feature vector to length one, in place."""
    return maps.div_((maps * maps).sum(1, keepdim=True).sqrt_().add_(1e-10))


def _trunk(stored: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Rename torchvision's `features.5.weight` to the package's `net.slice2.5.weight`; the
    classifier isn't used.
    """
    wanted = (name for name in network.state_dict() if name.startswith("net."))
    renamed = {name: re.sub(r"^net\.slice\d\.", "features.", name) for name in wanted}
    return {name: stored[old] for name, old in renamed.items() if old in stored}


def _lins(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename `lin0.model.1.weight`; the package's network lists each tensor again as
    `lins.0.model.1.weight`.
    """
    return stored | {re.sub(r"^lin(\d)\.", r"lins.\1.", name): tensor for name, tensor in stored.items()}


def _plane(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)
