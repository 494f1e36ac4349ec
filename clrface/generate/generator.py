"""MobileStyleGAN of FFHQ (Belousov, arXiv 2104.04767), run from its published OpenVINO files.

Notation (Karras et al. 2019): z the latent, w = f(z) its style, w' = mean(w) + truncation * (w -
mean(w)) the truncation trick, and G(w') the face.

G ends in an inverse Haar transform that doubles 512x512 coefficients to 1024x1024 pixels. Its
low-pass band, halved, is the mean over 2x2 of those pixels, so we read the band and leave the last
doubling out: the same 512x512 face for less work.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from clrface.errors import UserError, extra, reading
from clrface.intact import fetched_again, intact
from clrface.seeds import generator

LATENT = 512
SIDE_PX = 512
"""Of the largest face; a smaller one is its mean over blocks."""
BANDS = "Add_754"
"""The layer of the synthesis network that holds the last Haar coefficients, (1, 12, 512, 512): red,
green and blue low-pass first.
"""
MEAN_OF = 4096
"""Styles that the mean is taken over, as the publisher's code has it; drawn once and for all,
whatever the faces' seed.
"""
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
"""Single precision on one thread: on one machine, a latent then always gives the same bytes."""


class FaceGenerator:
    """Both networks, compiled. `folder` holds the fetched files of the source `mobilestylegan`.

    Raises: UserError for a truncation outside (0, 1], a file that is missing or damaged, and where
    OpenVINO isn't installed.
    """

    def __init__(self, folder: Path, truncation: float):
        if not 0 < truncation <= 1:
            raise UserError(f"Found a truncation of {truncation}, expected above 0 (one face for all) and at most 1 (all that it learned).")
        openvino = _openvino()
        core, self.truncation = openvino.Core(), truncation
        paths = [Path(folder) / f"{name}Network.xml" for name in ("Mapping", "Synthesis")]
        mapping, synthesis = (_read(core, path) for path in paths)
        bands = next((layer for layer in synthesis.get_ops() if layer.get_friendly_name() == BANDS), None)
        if bands is None:
            raise UserError(f"{paths[1]} is another network: it has no layer {BANDS}. {fetched_again(paths[1])}")
        self._synthesise = core.compile_model(openvino.Model([bands.output(0)], synthesis.get_parameters()), "CPU", SETTINGS)
        self._map = core.compile_model(mapping, "CPU", SETTINGS)
        mapping.reshape([MEAN_OF, LATENT])
        draws = generator(0, "generate", "mean style").standard_normal((MEAN_OF, LATENT))
        self._mean = _run(core.compile_model(mapping, "CPU", SETTINGS), draws).mean(0, keepdims=True)

    def face(self, rng: np.random.Generator, size: int = SIDE_PX) -> np.ndarray:
        """Draw one face: (size, size, 3) uint8 RGB, aligned about as FFHQ's; `size` at most 512."""
        style = _run(self._map, rng.standard_normal((1, LATENT)))
        style = self._mean + self.truncation * (style - self._mean)
        low_pass = _run(self._synthesise, style)[0, :3] / 2
        image = np.clip((np.moveaxis(low_pass, 0, -1) + 1) / 2, 0, 1)
        if size != SIDE_PX:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        return np.rint(image * 255).astype(np.uint8)


def _openvino() -> Any:
    with extra("generate", "Generating faces"):
        import openvino
    return openvino


def _read(core: Any, path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"No generator at {path}. Fetch the source first: clrface fetch mobilestylegan")
    with reading(f"{path} as a network", fetched_again(path)):
        intact(path.with_suffix(".bin"))
        return core.read_model(intact(path))


def _run(network: Any, values: np.ndarray) -> np.ndarray:
    """The network's only output for its only input."""
    return np.asarray(network(values.astype(np.float32))[0])
