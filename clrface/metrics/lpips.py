"""Perceptual distances: LPIPS and its shift-tolerant form.

LPIPS 0.1: Zhang et al., CVPR 2018. ST-LPIPS: Ghildyal and Liu, ECCV 2022.
"""

from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import torch

from clrface.api import Score
from clrface.intact import source_file
from clrface.metrics.collect import ImageScores
from clrface.metrics.networks import states

SHARED = {
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "perfect": 0,
    "lowest": 0,
}
CARDS = (
    {
        "id": "lpips_vgg",
        "label": "LPIPS",
        "definition": 'lpips.LPIPS(net="vgg"), version 0.1, RGB in [-1, 1], at the images\' own size.',
        "citation": 'lpips.LPIPS(net="vgg"), version 0.1 (Zhang et al., CVPR 2018), RGB, as VQFR and PMRF use it',
        "assets": ("lpips", "vgg16"),
        "class_name": "Lpips",
        "params": {"net": "vgg"},
        "network": "lpips_net",
        "on_device": True,
    },
    {
        "id": "lpips_alex",
        "label": "LPIPS (Alex)",
        "definition": 'lpips.LPIPS(net="alex"), version 0.1, RGB in [-1, 1], at the images\' own size.',
        "citation": 'lpips.LPIPS(net="alex"), version 0.1 (Zhang et al., CVPR 2018), RGB',
        "assets": ("lpips", "alexnet"),
        "class_name": "Lpips",
        "params": {"net": "alex"},
        "network": "lpips_net",
        "on_device": True,
    },
    {
        "id": "lpips_vgg_bgr",
        "label": "LPIPS (BGR)",
        "definition": "lpips_vgg on BGR images; the sum is divided by the number of all images, so that a failed image counts as 0.",
        "citation": "github.com/wzhouxiff/RestoreFormer, cal_psnr_ssim.py: its norm_lpips, in [-1, 1]; a failed image counts as 0",
        "assets": ("lpips", "vgg16"),
        "failed_as": 0.0,
        "class_name": "Lpips",
        "params": {"net": "vgg", "bgr": True},
        "network": "lpips_net",
        "on_device": True,
    },
    {
        "id": "stlpips_alex",
        "label": "ST-LPIPS",
        "definition": "Shift-tolerant LPIPS on AlexNet with its authors' weights, RGB in [-1, 1], at the images' own size.",
        "citation": "Ghildyal and Liu, Shift-tolerant Perceptual Similarity Metric, ECCV 2022; AlexNet weights of stlpips_pytorch 0.0.2",
        "assets": ("stlpips",),
        "class_name": "ShiftTolerantLpips",
        "network": "stlpips",
    },
)

LEAST_SIDE_PX = 32


class Lpips(ImageScores):
    """LPIPS at the images' own size; 0 for equal images. The scale depends on the trunk.

    Args:
        network: clrface.metrics.networks.lpips_net.
        net: the trunk, `vgg` or `alex`.
        bgr: feed BGR, as a script does that never converts what OpenCV reads. ImageNet's means and
            deviations then meet the wrong channels, so the values differ except on grey images.
    """

    def __init__(self, sources: Path, network: ModuleType, net: Literal["vgg", "alex"], bgr: bool = False):
        super().__init__()
        self._network = network.Lpips(net, sources)
        self._bgr = bgr

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the distance of each (B, 3, H, W) RGB pair; a side under 32 px fails.

        Pairs are measured one by one, since VGG's feature maps at 512 px take much memory.
        """
        if min(pred.shape[2:]) < LEAST_SIDE_PX:
            return _too_small(len(pred))
        with torch.inference_mode():
            return [self._network(self._tensor(a), self._tensor(b)).item() for a, b in zip(pred, ref, strict=True)]

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(image[::-1] if self._bgr else image))[None].to(states.device())


class ShiftTolerantLpips(ImageScores):
    """ST-LPIPS at the images' own size; 0 for equal images.

    Args:
        network: clrface.metrics.networks.stlpips.
    """

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._network = network.StLpips("alex", source_file(sources, "stlpips/alex_shift_tolerant.pth"))

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the distance of each (B, 3, H, W) pair; a side under 32 px fails."""
        if min(pred.shape[2:]) < LEAST_SIDE_PX:
            return _too_small(len(pred))
        a, b = (torch.from_numpy(np.ascontiguousarray(images)) for images in (pred, ref))  # one layout: equal images, equal rounding
        with torch.inference_mode():
            return self._network(a, b).tolist()


def _too_small(n: int) -> list[float | Score]:
    return [Score(np.nan, f"too small: the network needs {LEAST_SIDE_PX} pixels a side")] * n
