"""Landmark distance between the restored face and the ground truth."""

from pathlib import Path
from types import ModuleType

import numpy as np

from clrface.metrics.collect import ImageScores

SHARED = {
    "label": "LMD",
    "direction": "lower",
    "unit": "px",
    "level": "image",
    "needs_reference": True,
    "decimals": 3,
    "class_name": "LandmarkDistance",
    "perfect": 0,
    "lowest": 0,
}
CARDS = (
    {
        "id": "lmd_dlib",
        "definition": (
            "Mean Euclidean distance of dlib's 68 landmarks from one fixed box, in pixels of the images, not "
            "normalised by the inter-ocular distance."
        ),
        "citation": "VQFR's LMD (github.com/TencentARC/VQFR) with dlib's shape_predictor_68_face_landmarks",
        "assets": ("dlib",),
        "template": "utkface",
        "network": "dlib_landmarks",
    },
    {
        "id": "lmd_fan",
        "definition": (
            "Mean Euclidean distance of WFLW's 98 landmarks by the adaptive-wing-loss FAN, whole image at 256 px, "
            "in pixels of the images, not normalised by the inter-ocular distance."
        ),
        "citation": "github.com/TencentARC/VQFR, metric_paper/calculate_landmark_distance.py, with alignment_WFLW_4HG.pth",
        "assets": ("awing_fan",),
        "network": "awing_fan",
        "on_device": True,
    },
    {
        "id": "lmd_face_alignment",
        "definition": (
            "Mean Euclidean distance of 68 landmarks by face-alignment's 2DFAN4, heatmaps averaged with the "
            "mirrored image's, in a box fixed by FFHQ's template, in pixels of the images, not normalised by the "
            "inter-ocular distance."
        ),
        "citation": "VQFR's LMD with face-alignment 1.5.0 (Bulat and Tzimiropoulos, ICCV 2017)",
        "assets": ("face_alignment",),
        "template": "ffhq",
        "network": "face_alignment_points",
        "on_device": True,
    },
)


class LandmarkDistance(ImageScores):
    """Mean distance in pixels, not divided by the distance of the eyes; equal images give 0.

    Args:
        network: dlib_landmarks (68 points), face_alignment_points (68), or awing_fan (98 points of
            WFLW; at 512 px a cell of its heatmaps is 8 px).
    """

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._network = network
        self._loaded = network.load(sources)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the mean Euclidean distance over the points, for each (B, 3, H, W) pair."""
        sides_px = np.array([pred.shape[3], pred.shape[2]])
        a, b = (self._network.landmarks(self._loaded, images) * sides_px for images in (pred, ref))
        return np.linalg.norm(a - b, axis=2).mean(1).tolist()
