"""The small recogniser of the field's "Deg." and "IDD": ResNet-18, ArcFace, grey 128x128 faces.

ronghuaiyang/arcface-pytorch's `resnet_face18` without squeeze-and-excitation, which VQFR and
RestoreFormer use. Its residual blocks normalise first (Deng et al., ArcFace, CVPR 2019), with one
PReLU slope a block. Two files of weights exist: `resnet18_110.pth` (VQFR) and
`arcface_resnet18.pth` (GFPGAN, RestoreFormer).
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface.images import to_bytes
from clrface.metrics.networks import states

SIDE_PX = 128
FEATURES = 512
WIDTHS = (64, 128, 256, 512)
PNG_WEIGHTS = (9797, 19234, 3737)
"""Of red, green and blue, in units of 2^-15, with which libpng turns colours grey for OpenCV."""
BGR_WEIGHTS = (0.2989, 0.5870, 0.1140)
"""Of blue, green and red: blue gets red's weight, and red gets blue's."""


class Block(nn.Module):
    """Normalise, convolve, normalise, PReLU, convolve, normalise, add the input, PReLU."""

    def __init__(self, inner: int, outer: int, stride: int):
        super().__init__()
        self.bn0, self.bn1, self.bn2 = nn.BatchNorm2d(inner), nn.BatchNorm2d(inner), nn.BatchNorm2d(outer)
        self.conv1 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
        self.prelu = nn.PReLU()
        self.downsample = None
        if stride > 1 or inner != outer:
            self.downsample = nn.Sequential(nn.Conv2d(inner, outer, 1, stride=stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(self.bn0(x))))))
        return self.prelu(residual + (x if self.downsample is None else self.downsample(x)))


class ArcFaceR18(nn.Module):
    """Frozen, differentiable in its input. Raises: UserError for weights of another network."""

    def __init__(self, weights: Path):
        super().__init__()
        with torch.device("meta"):
            self.network = ResNetFace18()
        states.fill(self.network, states.read(weights), weights)

    def forward(self, grey: Tensor) -> Tensor:
        """Return embeddings (B, 512), not normalised, of (B, 1, 128, 128) in the range that the
        protocol feeds.
        """
        return self.network(grey)


class ResNetFace18(nn.Module):
    """The layers, by the file's names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU()
        self.maxpool = nn.MaxPool2d(2)
        for place, (inner, outer) in enumerate(zip((64, *WIDTHS), WIDTHS, strict=False), start=1):
            blocks = Block(inner, outer, 1 if place == 1 else 2), Block(outer, outer, 1)
            setattr(self, f"layer{place}", nn.Sequential(*blocks))
        self.bn4, self.fc5, self.bn5 = nn.BatchNorm2d(512), nn.Linear(512 * 8 * 8, FEATURES), nn.BatchNorm1d(FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.prelu(self.bn1(self.conv1(x))))
        for place in range(1, len(WIDTHS) + 1):
            x = getattr(self, f"layer{place}")(x)
        return self.bn5(self.fc5(self.bn4(x).flatten(1)))


def angles(first: Tensor, second: Tensor) -> Tensor:
    """Return the angles, (B,) in radians, between two (B, d): arccos of the cosine.

    Rounding can't take the cosine beyond 1 here.
    """
    return torch.nn.functional.cosine_similarity(first.double(), second.double(), dim=1).clamp(-1, 1).arccos()


class Angles:
    """The angles between the embeddings of pairs of images.

    Args:
        weights: the network's file.
        prepare: what a script feeds the network: `grey` or `swapped_grey`.
    """

    def __init__(self, weights: Path, prepare: Callable[[np.ndarray], Tensor]):
        self._network = ArcFaceR18(weights)
        self._prepare = prepare

    def __call__(self, pred: np.ndarray, ref: np.ndarray) -> np.ndarray:
        """Return the angles, (B,) in radians, of (B, 3, H, W) pairs, RGB in [0, 1]."""
        with torch.inference_mode():
            a, b = (self._network(self._prepare(images).to(states.device())) for images in (pred, ref))
            return angles(a, b).cpu().numpy()


def grey(images: np.ndarray) -> Tensor:
    """Convert (B, 3, H, W) RGB in [0, 1] to (B, 1, 128, 128) grey in [-1, 1].

    The whole image is resized bilinearly, in 8 bits before and after. Grey is what
    `cv2.imread(path, 0)` gives for a PNG: by libpng's whole-number weights, rounded down.
    `cvtColor` differs.
    """
    mixed = (to_bytes(images).astype(np.int32) @ np.array(PNG_WEIGHTS) >> 15).astype(np.uint8)
    small = np.stack([cv2.resize(one, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR) for one in mixed])
    return (torch.from_numpy(small[:, None].astype(np.float32)) - 127.5) / 127.5


def swapped_grey(images: np.ndarray | Tensor) -> Tensor:
    """Convert (B, 3, H, W) RGB in [0, 1] to (B, 1, 128, 128) "grey" in [0, 1], with red and blue
    swapped.

    Bilinear, without antialiasing. Differentiable.
    """
    faces = images if isinstance(images, Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    weights = torch.tensor(BGR_WEIGHTS[::-1], dtype=faces.dtype, device=faces.device).view(1, 3, 1, 1)
    mixed = (weights * faces).sum(1, keepdim=True)
    return functional.interpolate(mixed, (SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
