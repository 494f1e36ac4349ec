"""insightface's recogniser `w600k_r50` of the pack buffalo_l: IResNet-50, ArcFace, WebFace600K.

Deng et al., ArcFace, CVPR 2019. insightface finds five landmarks and cuts a 112x112 chip by them.
Here every image is aligned to FFHQ's template, so the chip is one fixed similarity transform for
all. Nothing is detected, so no detection can fail or hide errors.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface.align.templates import FFHQ_POINTS, FFHQ_PX
from clrface.images import to_bytes, to_unit
from clrface.intact import source_file
from clrface.metrics.networks import states
from clrface.metrics.networks.memory import Features, remembered
from clrface.models.onnx_network import OnnxNetwork

WEIGHTS = "buffalo_l/w600k_r50.onnx"
CHIP_PX = 112
CHIP_POINTS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Where ArcFace's chip has the eyes, the nose and the corners of the mouth, in pixels."""


class ArcFaceR50(nn.Module):
    """Map faces aligned as FFHQ's, (B, 3, H, W) RGB in [0, 1], to unit vectors (B, 512).

    Frozen, differentiable in the faces.

    Raises: UserError for weights that are damaged, or of another network.
    """

    def __init__(self, weights: Path):
        super().__init__()
        self.network = OnnxNetwork(weights)
        self.to(states.device())

    def forward(self, faces: Tensor) -> Tensor:
        return self._of_chips(chip(faces))

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the embeddings as `forward` does, but by insightface's own warp in 8 bits.

        From and to numpy, without gradients. The metrics use this.
        """
        chips = to_unit(np.stack([warped(image) for image in to_bytes(images)]))
        with torch.inference_mode():
            return self._of_chips(torch.from_numpy(np.ascontiguousarray(chips)).to(states.device())).cpu().numpy()

    def _of_chips(self, chips: Tensor) -> Tensor:
        scaled = chips * 255 if self.network.scales_its_input else 2 * chips - 1
        return functional.normalize(self.network(scaled), dim=1)


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the embedding from `sources`; embeddings are kept in the folder `cache`, if given."""
    weights = source_file(sources, WEIGHTS)
    return remembered(lambda: ArcFaceR50(weights).features, cache, __name__, weights)


def warped(image: np.ndarray) -> np.ndarray:
    """Cut the (112, 112, 3) uint8 chip of an aligned (H, W, 3) uint8 face.

    By `cv2.warpAffine`, as insightface does; black outside of the image.
    """
    to_512 = np.diag([FFHQ_PX / image.shape[1], FFHQ_PX / image.shape[0], 1.0])
    to_512[:2, 2] = (np.diag(to_512)[:2] - 1) / 2  # a pixel's middle is half a pixel in
    to_chip = np.linalg.inv(np.vstack([_similarity(CHIP_POINTS, FFHQ_POINTS), [0, 0, 1]]))
    return cv2.warpAffine(image, (to_chip @ to_512)[:2], (CHIP_PX, CHIP_PX), borderValue=0)


def chip(faces: Tensor) -> Tensor:
    """Cut the chips, (B, 3, 112, 112), bilinearly, without antialiasing and black outside.

    Differentiable, and within 4/255 of `warped`.
    """
    pixels = torch.stack(torch.meshgrid(torch.arange(CHIP_PX), torch.arange(CHIP_PX), indexing="xy"), -1).double()
    matrix = torch.from_numpy(_similarity(CHIP_POINTS, FFHQ_POINTS))
    at_512 = pixels @ matrix[:, :2].T + matrix[:, 2]
    grid = ((2 * at_512 + 1) / FFHQ_PX - 1).to(faces.dtype).to(faces.device)  # a pixel's middle is half a pixel in
    return functional.grid_sample(faces, grid.expand(len(faces), -1, -1, -1), mode="bilinear", padding_mode="zeros", align_corners=False)


def _similarity(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the similarity, (2, 3), that maps points `start` to `end`, (n, 2) each.

    It is the inverse of insightface's least-squares fit of `end` to `start`.
    """
    from skimage.transform import SimilarityTransform

    fitted = SimilarityTransform.from_estimate(end, start)
    return np.linalg.inv(fitted.params)[:2]
