"""Identity of the restored face and the ground truth, by a recogniser's embeddings.

Cosine (IDS), Euclidean distance (IDD), and angle (Deg., IDD).
"""

from pathlib import Path
from types import ModuleType

import numpy as np

from clrface.api import DROPPED, Score
from clrface.intact import source_file
from clrface.metrics.collect import ImageScores

SHARED = {
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
}
CARDS = (
    {
        "id": "ids_dlib",
        "label": "IDS",
        "direction": "higher",
        "unit": "",
        "definition": (
            "Cosine of dlib's 128-d face embeddings of the restored image and the ground truth, on one fixed chip without detection."
        ),
        "citation": "King, github.com/davisking/dlib-models; the field has no single definition of IDS",
        "assets": ("dlib",),
        "cached": True,
        "template": "utkface",
        "class_name": "Cosine",
        "params": {"normalise": True},
        "network": "dlib_recogniser",
        "perfect": 1,
        "lowest": -1,
        "highest": 1,
    },
    {
        "id": "ids_arcface_r50",
        "label": "IDS",
        "direction": "higher",
        "unit": "",
        "definition": (
            "Cosine of insightface's w600k_r50 embeddings of the restored image and the ground truth, on one "
            "fixed 112x112 chip of FFHQ's template, without detection."
        ),
        "citation": "github.com/deepinsight/insightface, buffalo_l; the field has no single definition of IDS",
        "assets": ("buffalo_l",),
        "cached": True,
        "template": "ffhq",
        "class_name": "Cosine",
        "network": "arcface_r50",
        "on_device": True,
        "perfect": 1,
        "lowest": -1,
        "highest": 1,
    },
    {
        "id": "ids_sface",
        "label": "IDS (guide's)",
        "direction": "higher",
        "unit": "",
        "definition": (
            "Cosine of SFace's 128-d embeddings of the restored image and the ground truth. SFace trains the IRN "
            "and guides CLR-Face, so it ranks no method."
        ),
        "citation": "Zhong et al., SFace, IEEE TIP 2021",
        "assets": ("sface",),
        "diagnostic": True,
        "class_name": "Cosine",
        "network": "sface",
        "perfect": 1,
        "lowest": -1,
        "highest": 1,
    },
    {
        "id": "idd_dlib",
        "label": "IDD",
        "direction": "lower",
        "unit": "",
        "definition": (
            "Euclidean distance of dlib's 128-d face embeddings of the restored image and the ground truth, on "
            "one fixed chip without detection."
        ),
        "citation": "King, github.com/davisking/dlib-models: the distance that the network was trained for",
        "assets": ("dlib",),
        "cached": True,
        "template": "utkface",
        "class_name": "EuclideanDistance",
        "network": "dlib_recogniser",
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "ids_mobilefacenet",
        "label": "IDS (MobileFaceNet)",
        "direction": "higher",
        "unit": "",
        "definition": (
            "Cosine of MobileFaceNet's 512-d embeddings of the restored image and the ground truth, on ArcFace's "
            "112x112 chip placed by the template, without detection."
        ),
        "citation": "Chen et al., MobileFaceNets, CCBR 2018",
        "assets": ("mobilefacenet",),
        "cached": True,
        "template": "utkface",
        "class_name": "Cosine",
        "network": "mobilefacenet",
        "on_device": True,
        "perfect": 1,
        "lowest": -1,
        "highest": 1,
    },
    {
        "id": "idd_mobilefacenet",
        "label": "IDD (MobileFaceNet)",
        "direction": "lower",
        "unit": "",
        "definition": (
            "Euclidean distance of MobileFaceNet's unit-length 512-d embeddings of the restored image and the "
            "ground truth, on ArcFace's 112x112 chip placed by the template, without detection."
        ),
        "citation": "Chen et al., MobileFaceNets, CCBR 2018",
        "assets": ("mobilefacenet",),
        "cached": True,
        "template": "utkface",
        "class_name": "EuclideanDistance",
        "network": "mobilefacenet",
        "on_device": True,
        "perfect": 0,
        "lowest": 0,
        "highest": 2,
    },
    {
        "id": "idd_dlib_input",
        "label": "IDD to input",
        "direction": "lower",
        "unit": "",
        "definition": (
            "Euclidean distance of dlib's embeddings of the restored image and its degraded input: how far the "
            "face moved, not how good it is. A method that changes nothing scores 0, so it ranks no method."
        ),
        "citation": "King, github.com/davisking/dlib-models",
        "assets": ("dlib",),
        "diagnostic": True,
        "against": "input",
        "cached": True,
        "template": "utkface",
        "class_name": "EuclideanDistance",
        "network": "dlib_recogniser",
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "deg_arcface_r18",
        "label": "Deg.",
        "direction": "lower",
        "unit": "degrees",
        "decimals": 2,
        "definition": (
            "Angle in degrees between ResNet-18 ArcFace embeddings (resnet18_110.pth) of the whole image, grey, "
            "128x128. Pairs under 1 degree are left out of the mean."
        ),
        "citation": (
            "github.com/TencentARC/VQFR, calculate_cos_dist.py, with resnet18_110.pth; pairs under 1 degree are dropped from the mean"
        ),
        "assets": ("arcface_r18_110",),
        "class_name": "Degrees",
        "network": "arcface_r18",
        "on_device": True,
        "lowest": 1,
        "highest": 180,
    },
    {
        "id": "idd_arcface_r18",
        "label": "IDD",
        "direction": "lower",
        "unit": "rad",
        "definition": (
            "Angle in radians between ResNet-18 ArcFace embeddings (arcface_resnet18.pth), grey with the weights "
            "of red and blue exchanged, 128x128, [0, 1]; the sum is divided by the number of all images."
        ),
        "citation": "github.com/wzhouxiff/RestoreFormer, cal_identity_distance.py, with arcface_resnet18.pth; a failed image counts as 0",
        "assets": ("arcface_r18",),
        "failed_as": 0.0,
        "class_name": "Radians",
        "network": "arcface_r18",
        "on_device": True,
        "perfect": 0,
        "lowest": 0,
        "highest": 3.1416,
    },
)

LEAST_DEGREES = 1.0


class Cosine(ImageScores):
    """Cosine in [-1, 1]; equal images give exactly 1.

    By dlib, different people of ORL lie near 0.86: read `ids_dlib` beside `idd_dlib`.

    Args:
        network: a module of clrface.metrics.networks with `features`.
        normalise: whether its embeddings must be brought to unit length first.
    """

    def __init__(self, sources: Path, network: ModuleType, normalise: bool = False, cache: Path | None = None):
        super().__init__()
        self._embed = network.features(sources, cache)
        self._normalise = normalise

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the cosine of each (B, 3, H, W) pair.

        It is computed from the unit vectors' distance, so that equal vectors give 1 without
        rounding.
        """
        a, b = (self._unit(images) for images in (pred, ref))
        return (1 - ((a - b) ** 2).sum(1) / 2).tolist()

    def _unit(self, images: np.ndarray) -> np.ndarray:
        vectors = self._embed(images)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if self._normalise else vectors


class EuclideanDistance(ImageScores):
    """Distance of the embeddings; 0 for equal images.

    dlib takes two photographs under 0.6 for one person. Against the input, the distance ranks no
    method.
    """

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__()
        self._embed = network.features(sources, cache)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the distance of each (B, 3, H, W) pair."""
        a, b = (self._embed(images) for images in (pred, ref))
        return np.linalg.norm(a - b, axis=1).tolist()


class Degrees(ImageScores):
    """VQFR's "Deg.", in [0, 180] degrees.

    A pair under 1 degree has the status `dropped: ...` and no value. It is left out of the mean,
    and is no failure.
    """

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._angles = network.Angles(source_file(sources, "arcface_r18_110/resnet18_110.pth"), network.grey)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """Return the angle of each (B, 3, H, W) pair, in degrees."""
        return [_kept(degrees) for degrees in np.rad2deg(self._angles(pred, ref)).tolist()]


class Radians(ImageScores):
    """RestoreFormer's "IDD", in [0, pi] radians; equal images give 0.

    The mean divides by the number of all images, so an image without output lowers it.
    """

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._angles = network.Angles(source_file(sources, "arcface_r18/arcface_resnet18.pth"), network.swapped_grey)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the angle of each (B, 3, H, W) pair, in radians."""
        return self._angles(pred, ref).tolist()


def _kept(degrees: float) -> float | Score:
    if degrees >= LEAST_DEGREES:
        return degrees
    return Score(np.nan, f"{DROPPED}: {degrees:.3f} degrees from the truth, and VQFR leaves pairs under {LEAST_DEGREES:g} out of its mean")
