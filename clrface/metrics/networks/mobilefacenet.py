"""MobileFaceNet, the file of npm `faceplugin-face-recognition-js`: no method was trained by it.

Chen et al., CCBR 2018; trained by others. It takes ArcFace's 112x112 chip, BGR in [-1, 1]. Every
image is aligned to one template, so the chip is one fixed similarity transform. Nothing is
detected, so no detection can fail or hide errors.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from clrface.align.geometry import fit_similarity
from clrface.align.templates import TEMPLATES
from clrface.images import to_bytes, to_unit
from clrface.intact import source_file
from clrface.metrics.networks import states
from clrface.metrics.networks.arcface_r50 import CHIP_POINTS, CHIP_PX
from clrface.metrics.networks.memory import Features, remembered
from clrface.models.onnx_network import OnnxNetwork

WEIGHTS = "mobilefacenet/fr_feature.onnx"
TEMPLATE = "utkface"
"""The template to which the images are aligned."""
CHIP_TRIANGLE = np.vstack([CHIP_POINTS[:2], CHIP_POINTS[3:].mean(0)])
"""Where the chip has the eyes and the middle of the mouth: the three points of a template."""


class MobileFaceNet:
    """The network, on the metrics' device.

    Raises: UserError for weights that are damaged, or of another network.
    """

    def __init__(self, weights: Path):
        self.network = OnnxNetwork(weights).to(states.device())

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return unit vectors, (B, 512) float32, of (B, 3, H, W) RGB in [0, 1], aligned by
        TEMPLATE.

        Each image is computed alone.
        """
        return np.concatenate([self._embed(image) for image in to_bytes(images)])

    def _embed(self, image: np.ndarray) -> np.ndarray:
        bgr = 2 * to_unit(chip(image))[None, ::-1] - 1
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(bgr)).to(states.device())
            return functional.normalize(self.network(x), dim=1).cpu().numpy()


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the embedding from `sources`; embeddings are kept in the folder `cache`, if given."""
    weights = source_file(sources, WEIGHTS)
    return remembered(lambda: MobileFaceNet(weights).features, cache, __name__, weights)


def chip(image: np.ndarray) -> np.ndarray:
    """Cut the (112, 112, 3) uint8 chip of an aligned (H, W, 3) uint8 face, mirrored beyond its
    edge.
    """
    height, width = image.shape[:2]
    points = TEMPLATES[TEMPLATE] * (width, height) - 0.5
    matrix = fit_similarity(points, CHIP_TRIANGLE)
    return cv2.warpAffine(image, matrix, (CHIP_PX, CHIP_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
