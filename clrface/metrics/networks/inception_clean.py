"""Inception's features after clean-fid's resize.

Parmar, Zhang and Zhu, On Aliased Resizing ... in GAN Evaluation, CVPR 2022. Each channel is resized
in floating point by Pillow's antialiased bicubic filter, and clipped, never rounded. pyiqa's `fid`
does the same.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from clrface.images import to_bytes
from clrface.intact import source_file
from clrface.metrics.networks import states
from clrface.metrics.networks.inception import SIDE_PX, WEIGHTS, Inception
from clrface.metrics.networks.memory import Features, remembered


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the features: (B, 3, H, W) RGB in [0, 1] to (B, 2048); kept in the folder `cache`, if
    given.
    """
    weights = source_file(sources, WEIGHTS)
    network = Inception(weights)

    def of_images(images: np.ndarray) -> np.ndarray:
        scaled = (np.stack([resized(image) for image in to_bytes(images)]) - 128) / 128
        return network.of_scaled(torch.from_numpy(scaled).to(states.device()))

    return remembered(lambda: of_images, cache, __name__, weights)


def resized(image: np.ndarray) -> np.ndarray:
    """Resize (H, W, 3) uint8 to (3, 299, 299) float32 in [0, 255]."""
    planes = (Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(image, -1, 0))
    return np.stack([np.asarray(plane.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)).clip(0, 255) for plane in planes])
