"""The landmark network of VQFR's LMD: four stacked hourglasses, WFLW's 98 points.

Wang, Bo and Fuxin, Adaptive Wing Loss, ICCV 2019. As in VQFR's script, the whole image is taken at
256x256, without detection. The maximum of each 64x64 heatmap is moved a quarter of a cell towards
its higher neighbour. Weights: `alignment_WFLW_4HG.pth`. The layers have the file's names.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface.images import to_bytes
from clrface.intact import source_file
from clrface.metrics.networks import states

WEIGHTS = "awing_fan/alignment_WFLW_4HG.pth"
POINTS = 98
SIDE_PX, HEATMAP_PX = 256, 64
MODULES, DEPTH, WIDTH = 4, 4, 256


def load(sources: Path) -> "AwingFan":
    """Load the network from the folder of fetched sources.

    Raises: UserError for a file that is missing, or of another network.
    """
    weights = source_file(sources, WEIGHTS)
    with torch.device("meta"):
        network = AwingFan()
    states.fill(network, states.read(weights), weights)
    return network


def landmarks(network: "AwingFan", images: np.ndarray) -> np.ndarray:
    """Return landmarks (x, y), (B, 98, 2), in units of the image's sides, of (B, 3, H, W) RGB in
    [0, 1].
    """
    return np.stack([_of_one(network, image) for image in to_bytes(images)])


def _of_one(network: "AwingFan", image: np.ndarray) -> np.ndarray:
    small = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    tensor = torch.from_numpy(np.moveaxis(small, -1, 0).astype(np.float32) / 255)[None].to(states.device())
    with torch.inference_mode():
        return points(network(tensor)[0, :-1].cpu().numpy()) / HEATMAP_PX


def points(heatmaps: np.ndarray) -> np.ndarray:
    """Return the places (x, y), (n, 2), of the maxima of heatmaps (n, 64, 64), in cells with
    middles at .5.

    VQFR's arithmetic, with its quirk: neighbours are taken in the flattened heatmap. If one point
    lies in the last (first) row, *all* points take the last (first) cell for the one below (above).
    Where the right neighbour lies outside the heatmap, the script stops; here the last cell is
    used.
    """
    n, width = len(heatmaps), heatmaps.shape[2]
    flat, rows = heatmaps.reshape(n, -1), np.arange(n)
    last = flat.shape[1] - 1
    peaks = flat.argmax(1)
    right, left = flat[rows, np.minimum(peaks + 1, last)], flat[rows, peaks - 1]
    below = flat[:, last] if (peaks + width > last).any() else flat[rows, peaks + width]
    above = flat[:, 0] if (peaks - width <= 0).any() else flat[rows, peaks - width]
    steps = np.sign(np.stack([right - left, below - above], axis=1)) / 4
    return np.stack([peaks % width, peaks // width], axis=1) + steps + 0.5


class AwingFan(nn.Module):
    """Heatmaps of the 98 points, and of the face's outline as the last one. Differentiable."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = CoordConv(3, 64, kernel_size=7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2, self.conv3, self.conv4 = ConvBlock(64, 128), ConvBlock(128, 128), ConvBlock(128, WIDTH)
        for i in range(MODULES):
            self.add_module(f"m{i}", Hourglass(first=i == 0))
            self.add_module(f"top_m_{i}", ConvBlock(WIDTH, WIDTH))
            self.add_module(f"conv_last{i}", nn.Conv2d(WIDTH, WIDTH, 1))
            self.add_module(f"bn_end{i}", nn.BatchNorm2d(WIDTH))
            self.add_module(f"l{i}", nn.Conv2d(WIDTH, POINTS + 1, 1))
            if i < MODULES - 1:
                self.add_module(f"bl{i}", nn.Conv2d(WIDTH, WIDTH, 1))
                self.add_module(f"al{i}", nn.Conv2d(POINTS + 1, WIDTH, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return heatmaps (B, 99, 64, 64) of (B, 3, 256, 256) RGB in [0, 1]."""
        x = functional.relu(self.bn1(self.conv1(images)))
        x = self.conv4(self.conv3(functional.avg_pool2d(self.conv2(x), 2)))
        heatmaps = None
        for i in range(MODULES):
            part = self._part(i)
            top = functional.relu(part("bn_end")(part("conv_last")(part("top_m_")(part("m")(x, heatmaps)))))
            heatmaps = part("l")(top)
            if i < MODULES - 1:
                x = x + part("bl")(top) + part("al")(heatmaps)
        return heatmaps  # pyright: ignore[reportReturnType]  # there is at least one hourglass

    def _part(self, i: int):
        return lambda name: getattr(self, f"{name}{i}")


class CoordConv(nn.Module):
    """A convolution with coordinates as further channels: row, column and distance from the middle.

    With a heatmap of the outline, row and column along the outline are added (zero elsewhere).
    """

    def __init__(self, inner: int, outer: int, outline: bool = False, **options: int):
        super().__init__()
        self.conv = nn.Conv2d(inner + (5 if outline else 3), outer, **options)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        batch, _, height, width = x.shape
        rows, columns = (torch.linspace(-1, 1, side, device=x.device) for side in (height, width))
        row = rows[:, None].expand(batch, 1, height, width)
        column = columns[None, :].expand(batch, 1, height, width)
        radius = (row**2 + column**2).sqrt()
        extra = [row, column, radius / radius.max()]
        if heatmaps is not None:
            outline = heatmaps[:, -1:].clamp(0, 1) > 0.05
            extra += [torch.where(outline, row, 0.0), torch.where(outline, column, 0.0)]
        return self.conv(torch.cat([x, *extra], 1))


class ConvBlock(nn.Module):
    """Three 3x3 convolutions, normalised first, whose concatenated outputs are the residual."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        half, quarter = outer // 2, outer // 4
        self.bn1, self.conv1 = nn.BatchNorm2d(inner), nn.Conv2d(inner, half, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(quarter), nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = None
        if inner != outer:
            self.downsample = nn.Sequential(nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, outer, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(functional.relu(self.bn1(x)))
        second = self.conv2(functional.relu(self.bn2(first)))
        third = self.conv3(functional.relu(self.bn3(second)))
        return torch.cat([first, second, third], 1) + (x if self.downsample is None else self.downsample(x))


class Hourglass(nn.Module):
    """Four scales down and up again (Newell et al. 2016), behind a CoordConv."""

    def __init__(self, first: bool):
        super().__init__()
        self.coordconv = CoordConv(WIDTH, WIDTH, outline=not first, kernel_size=1)
        for level in range(DEPTH, 0, -1):
            for name in ("b1", "b2", "b3", *(("b2_plus",) if level == 1 else ())):
                self.add_module(f"{name}_{level}", ConvBlock(WIDTH, WIDTH))

    def forward(self, x: Tensor, heatmaps: Tensor | None) -> Tensor:
        return self._at(DEPTH, self.coordconv(x, heatmaps))

    def _at(self, level: int, x: Tensor) -> Tensor:
        low = getattr(self, f"b2_{level}")(functional.avg_pool2d(x, 2))
        low = self._at(level - 1, low) if level > 1 else self.get_submodule("b2_plus_1")(low)
        low = getattr(self, f"b3_{level}")(low)
        return getattr(self, f"b1_{level}")(x) + functional.interpolate(low, scale_factor=2, mode="nearest")
