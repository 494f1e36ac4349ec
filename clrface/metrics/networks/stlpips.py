"""Shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022), as a metric and as a training loss.

It is LPIPS (Zhang et al., CVPR 2018) on AlexNet or VGG-16. Strides are replaced by a blur before
sub-sampling (Zhang, ICML 2019), with reflect padding two pixels wide. Its authors trained both the
trunk and the linear layers.
"""

import re
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface.errors import UserError
from clrface.models.torch_file import read_tensors

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and standard deviation, moved to images in [-1, 1]."""

VGG_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
TAPS = {"alex": (2, 6, 10, 12, 14), "vgg": (3, 9, 17, 25, 33)}
"""Places of the ReLUs whose outputs are compared, one for each linear layer."""
CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


class BlurPool(nn.Module):
    """Blur with the binomial [1 2 1] kernel, then take every second pixel."""

    filt: Tensor

    def __init__(self, channels: int):
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filt", torch.outer(line, line).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H // 2 + 1, W // 2 + 1)."""
        padded = functional.pad(x, (2, 2, 2, 2), mode="reflect")
        return functional.conv2d(padded, self.filt, stride=2, groups=x.shape[1])


class StLpips(nn.Module):
    """The perceptual distance between two batches; frozen, differentiable in both.

    Args:
        net: the trunk.
        weights: the file `<net>_shift_tolerant.pth`.

    Raises: UserError for another file.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, net: Literal["alex", "vgg"], weights: Path):
        super().__init__()
        self.taps = TAPS[net]
        self.layers = _alex() if net == "alex" else _vgg()
        self.lins = nn.ParameterList(torch.empty(1, channels, 1, 1) for channels in CHANNELS[net])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.load_state_dict(_read(net, weights, self.state_dict()))
        self.requires_grad_(False).eval()

    def features(self, images: Tensor) -> list[Tensor]:
        """Return five feature maps of (B, 3, H, W) RGB in [0, 1], H and W at least 32."""
        x = ((2 * images - 1) - self.shift) / self.scale
        maps = []
        for place, layer in enumerate(self.layers):
            x = layer(x)
            if place in self.taps:
                maps.append(x)
        return maps

    def forward(self, pred: Tensor, ref: Tensor) -> Tensor:
        """Return distances, (B,), between two (B, 3, H, W) RGB in [0, 1]; 0 for equal images."""
        return lpips_distance(self.features(pred), self.features(ref), list(self.lins))


def lpips_distance(pred: list[Tensor], ref: list[Tensor], weights: list[Tensor]) -> Tensor:
    """Return LPIPS's distance, (B,), from feature maps.

    It is the weighted squared difference of unit-length features, averaged over the pixels and
    summed over the layers. It is computed in float32 for maps of any precision.

    Args:
        pred, ref: each layer's maps, (B, C, H, W).
        weights: each layer's, (1, C, 1, 1).
    """
    total = pred[0].new_zeros(pred[0].shape[0], dtype=torch.float32)
    for a, b, weight in zip(pred, ref, weights, strict=True):
        difference = (_unit(a.float()) - _unit(b.float())) ** 2
        total = total + (difference * weight.float()).sum(1).mean((1, 2))
    return total


def _unit(maps: Tensor) -> Tensor:
    """Scale every pixel's feature vector to length one.

    The gradient of `vector_norm` is 0, not NaN, where all features are 0.
    """
    return maps / (torch.linalg.vector_norm(maps, dim=1, keepdim=True) + 1e-10)


def _alex() -> nn.Sequential:
    def relu() -> nn.Module:
        return nn.ReLU(inplace=True)

    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, padding=2), BlurPool(64), relu()),
        *(nn.MaxPool2d(3, stride=1), BlurPool(64), nn.Conv2d(64, 192, 5, padding=2), relu()),
        *(nn.MaxPool2d(3, stride=1), BlurPool(192), nn.Conv2d(192, 384, 3, padding=1), relu()),
        *(nn.Conv2d(384, 256, 3, padding=1), relu()),
        *(nn.Conv2d(256, 256, 3, padding=1), relu()),
    )


def _vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for block in VGG_BLOCKS:
        if layers:
            layers += [nn.MaxPool2d(2, stride=1), BlurPool(channels)]
        for width in block:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers)


def _read(net: str, weights: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the file's tensors under this module's names.

    `net.slice2.5.bias` is `layers.5.bias`; `lin0.model.1.weight` is `lins.0`.
    """
    stored = read_tensors(weights, "Fetch the source 'stlpips' again.")
    renamed = {}
    for name, tensor in stored.items():
        name = re.sub(r"^net\.slice\d\.", "layers.", name)
        name = re.sub(r"^lin(\d)\.model\.1\.weight", r"lins.\1", name)
        renamed[name.removeprefix("scaling_layer.")] = tensor
    if {k: v.shape for k, v in renamed.items()} != {k: v.shape for k, v in expected.items()}:
        raise UserError(f"{weights} isn't shift-tolerant LPIPS's '{net}' network: its tensors differ. Give {net}_shift_tolerant.pth.")
    return renamed
