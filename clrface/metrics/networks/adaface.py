"""AdaFace's IR-50, trained on MS1MV2, and the chip that it takes.

Kim et al., AdaFace, CVPR 2022; github.com/mk-minchul/AdaFace, net.py. The NTIRE challenges on face
restoration compare an output with its low-quality input by it. The chip is cut at five listed
points.
"""

import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface.images import to_unit
from clrface.intact import source_file
from clrface.metrics.networks import states

WEIGHTS = "adaface/adaface_ir50_ms1mv2.ckpt"
PREFIX = "model."
"""Of the network's tensors in the training's checkpoint, which also holds the head of the training.
"""
EMBEDDING = 512
CHIP_PX = 112
CHIP_POINTS = np.array(
    [
        [38.29459953, 51.69630051],
        [73.53179932, 51.50139999],
        [56.02519989, 71.73660278],
        [41.54930115, 92.3655014],
        [70.72990036, 92.20410156],
    ],
    np.float32,
).astype(np.float64)
"""Where the chip has the eyes, the nose and the corners of the mouth, in pixels: ArcFace's, to
single precision.
"""
MIRRORED = CHIP_POINTS * [-1, 1]
STAGES = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))
"""Channels in and out, and blocks, of each stage."""
TRAINER = ("pytorch_lightning.", "argparse.")
"""Prefixes of classes that the checkpoint names beside its tensors, to resume a training."""


class Block(nn.Module):
    """Improved residual block: normalise, convolve, normalise, PReLU, convolve with the stride,
    normalise; plus a shortcut.
    """

    def __init__(self, inner: int, outer: int, stride: int):
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if inner != outer:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inner),
            nn.Conv2d(inner, outer, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.PReLU(outer),
            nn.Conv2d(outer, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut_layer(x) + self.res_layer(x)


class IR50(nn.Module):
    """Map chips, (B, 3, 112, 112) BGR in [-1, 1], to unit vectors (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        firsts = [(inner, outer, 2) for inner, outer, _ in STAGES]
        rest = [[(outer, outer, 1)] * (n - 1) for _, outer, n in STAGES]
        blocks = [block for first, others in zip(firsts, rest, strict=True) for block in (first, *others)]
        self.body = nn.Sequential(*(Block(*block) for block in blocks))
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(0.4), nn.Flatten(), nn.Linear(512 * 7 * 7, EMBEDDING), nn.BatchNorm1d(EMBEDDING, affine=False)
        )

    def forward(self, chips: Tensor) -> Tensor:
        return functional.normalize(self.output_layer(self.body(self.input_layer(chips))), dim=1)


class AdaFace:
    """The embedding of a face at five points.

    Raises: UserError for weights that are missing, damaged, or of another network.
    """

    def __init__(self, sources: Path):
        path = source_file(sources, WEIGHTS)
        with torch.device("meta"):
            self._network = IR50()
        with _trainer_ignored(path):
            stored = states.read(path)
        state = {name.removeprefix(PREFIX): value for name, value in stored.items() if name.startswith(PREFIX)}
        states.fill(self._network, state, path)

    def embed(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the embedding, (512,), of unit length.

        Args:
            image: (H, W, 3) uint8 RGB.
            points: (5, 2), left eye, right eye, nose, left and right corner of the mouth, in
                pixels.
        """
        bgr = to_unit(np.ascontiguousarray(chip(image, points)[..., ::-1]))
        with torch.inference_mode():
            scaled = torch.from_numpy((bgr[None] - 0.5) / 0.5).to(states.device())
            return self._network(scaled)[0].cpu().numpy()


def chip(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Cut the (112, 112, 3) uint8 chip whose points lie where AdaFace's aligned faces have them.

    Bilinear; black outside of the image.
    """
    return cv2.warpAffine(image, to_chip(points), (CHIP_PX, CHIP_PX), borderValue=0)


def to_chip(points: np.ndarray) -> np.ndarray:
    """Return the similarity, (2, 3), that maps `points` to the chip's.

    It is the inverse of the least-squares fit of the chip's points to `points`, in single
    precision. Whether it mirrors is decided as in the field's port of MATLAB's cp2tform, with its
    quirk: the port compares the two fits with the chip's points mirrored. That matters only for
    points that lie unlike a face's, as a detector's may.
    """
    points = points.astype(np.float32).astype(np.float64)
    plain = _inverse_of_fit(points, CHIP_POINTS)
    mirrored = np.diag([-1.0, 1.0, 1.0]) @ _inverse_of_fit(points, MIRRORED)
    return min((plain, mirrored), key=lambda matrix: _misfit(matrix, points))[:2]


def _inverse_of_fit(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the inverse, (3, 3), of the similarity without mirroring that maps `reference` nearest
    to `points`.
    """
    (x, y), one, none = reference.T, np.ones(len(reference)), np.zeros(len(reference))
    equations = np.concatenate([np.stack([x, y, one, none], 1), np.stack([y, -x, none, one], 1)])
    scaled_cos, scaled_sin, right, down = np.linalg.lstsq(equations, points.T.ravel(), rcond=None)[0]
    return np.linalg.inv(np.array([[scaled_cos, scaled_sin, right], [-scaled_sin, scaled_cos, down], [0, 0, 1]]))


def _misfit(matrix: np.ndarray, points: np.ndarray) -> float:
    return float(np.linalg.norm(points @ matrix[:2, :2].T + matrix[:2, 2] - MIRRORED))


class _Ignored:
    """Replace a class of the trainer: its objects become ordered dicts, which torch's reader can
    fill.
    """

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return OrderedDict()


@contextmanager
def _trainer_ignored(path: Path) -> Iterator[None]:
    """Read the checkpoint's tensors without its trainer.

    The trainer's pickled objects become `_Ignored`; all others are refused.
    """
    with torch.serialization.safe_globals([(_Ignored, name) for name in _pickled_names(path) if name.startswith(TRAINER)]):
        yield


def _pickled_names(path: Path) -> set[str]:
    """Return the classes and functions that a torch file's pickle names, without running it.

    Empty for a file that can't be read so.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
        return {str(argument).replace(" ", ".") for kind, argument, _ in pickletools.genops(pickled) if kind.name == "GLOBAL"}
    except (OSError, ValueError, StopIteration, KeyError, zipfile.BadZipFile):
        return set()  # states.read says what is wrong with it
