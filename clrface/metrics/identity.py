"""Identity of the restored face and the truth, by a recogniser's embeddings: cosine (IDS), Euclidean distance (IDD), angle (Deg., IDD)."""

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
        "source": "dlib_face_recognition_resnet_model_v1 (King, github.com/davisking/dlib-models); the field has no one definition of IDS",
        "sources": ("dlib",),
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
        "source": "insightface's w600k_r50 (buffalo_l) on a fixed 112x112 chip of FFHQ's template; the field has no one definition of IDS",
        "sources": ("buffalo_l",),
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
        "source": "SFace (Zhong et al. 2021): what the guidance climbs. A method guided by it is not judged by it",
        "sources": ("sface",),
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
        "source": "dlib_face_recognition_resnet_model_v1 (King, github.com/davisking/dlib-models), with the distance it was trained for",
        "sources": ("dlib",),
        "cached": True,
        "template": "utkface",
        "class_name": "EuclideanDistance",
        "network": "dlib_recogniser",
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "ids_mobilefacenet",
        "label": "IDS (2nd)",
        "direction": "higher",
        "unit": "",
        "source": "MobileFaceNet (Chen et al., CCBR 2018) on a fixed 112x112 chip: a second judge, beside dlib's",
        "sources": ("mobilefacenet",),
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
        "label": "IDD (2nd)",
        "direction": "lower",
        "unit": "",
        "source": "MobileFaceNet (Chen et al., CCBR 2018) on a fixed 112x112 chip: Euclidean distance of unit vectors",
        "sources": ("mobilefacenet",),
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
        "source": "as idd_dlib, against the degraded input: no measure of quality, since whoever changes nothing scores 0",
        "sources": ("dlib",),
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
        "source": (
            "github.com/TencentARC/VQFR, calculate_cos_dist.py, with resnet18_110.pth; pairs under 1 degree are dropped from the mean"
        ),
        "sources": ("arcface_r18_110",),
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
        "source": "github.com/wzhouxiff/RestoreFormer, cal_identity_distance.py, with arcface_resnet18.pth; a failed image counts as 0",
        "sources": ("arcface_r18",),
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
    """In [-1, 1]; equal images give exactly 1. By dlib, strangers of ORL lie near 0.86: read `ids_dlib` beside `idd_dlib`.

    Args:
        network: a module of clrface.metrics.networks with `features`.
        normalise: whether its embeddings must be brought to unit length first.
    """

    def __init__(self, sources: Path, network: ModuleType, normalise: bool = False, cache: Path | None = None):
        super().__init__()
        self._embed = network.features(sources, cache)
        self._normalise = normalise

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to cosines, from the unit vectors' distance, so that equal ones give 1 without rounding."""
        a, b = (self._unit(images) for images in (pred, ref))
        return (1 - ((a - b) ** 2).sum(1) / 2).tolist()

    def _unit(self, images: np.ndarray) -> np.ndarray:
        vectors = self._embed(images)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if self._normalise else vectors


class EuclideanDistance(ImageScores):
    """0 for equal images. dlib takes two photographs under 0.6 for one person. Held against the input it ranks nobody."""

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__()
        self._embed = network.features(sources, cache)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to distances."""
        a, b = (self._embed(images) for images in (pred, ref))
        return np.linalg.norm(a - b, axis=1).tolist()


class Degrees(ImageScores):
    """VQFR's "Deg.", 0 to 180. A pair under 1 degree has the status `dropped: ...` for a value: neither in the mean nor failed."""

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._angles = network.Angles(source_file(sources, "arcface_r18_110/resnet18_110.pth"), network.grey)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float | Score]:
        """(B, 3, H, W) pairs to degrees."""
        return [_kept(degrees) for degrees in np.rad2deg(self._angles(pred, ref)).tolist()]


class Radians(ImageScores):
    """RestoreFormer's "IDD", 0 to pi; equal images give 0. The mean divides by the number of all images: one without output lowers it."""

    def __init__(self, sources: Path, network: ModuleType):
        super().__init__()
        self._angles = network.Angles(source_file(sources, "arcface_r18/arcface_resnet18.pth"), network.swapped_grey)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """(B, 3, H, W) pairs to radians."""
        return self._angles(pred, ref).tolist()


def _kept(degrees: float) -> float | Score:
    if degrees >= LEAST_DEGREES:
        return degrees
    return Score(np.nan, f"{DROPPED}: {degrees:.3f} degrees from the truth, and VQFR leaves pairs under {LEAST_DEGREES:g} out of its mean")
