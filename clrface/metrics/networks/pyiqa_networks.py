"""Image quality networks of the package pyiqa (0.1.16), with fetched and checked weights.

pyiqa would download the weights unchecked, and unpickle any content. Here only tensors are read.
Q-Align alone is left to pyiqa.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from clrface import torchvision_import
from clrface.errors import UserError
from clrface.intact import source_file
from clrface.metrics.networks import states

INSTALL = "pip install 'clrface-bench[ntire]' && pip install --no-deps 'pyiqa>=0.1.16,<0.2'"
"""In two steps: pyiqa's requirement facexlib brings an opencv-python that overwrites the headless
one's files.
"""
INSTALL_QALIGN = "pip install 'clrface-bench[ntire]' 'transformers>=5' sentencepiece && pip install --no-deps 'pyiqa>=0.1.16,<0.2'"
RESOURCES = "pkg_resources"

Quality = Callable[[np.ndarray], float]
"""Map one image, (3, H, W) float32 RGB in [0, 1], to its score."""


def clipiqa(sources: Path) -> Quality:
    """Load CLIP-IQA on CLIP's RN50, with pyiqa's prompts.

    Raises: UserError for missing weights, and without the packages.
    """
    path = source_file(sources, "clip_rn50/RN50.pt")
    with _clip_importable():
        return _quality(_created("clipiqa", backbone=str(path)))


def musiq(sources: Path) -> Quality:
    """Load MUSIQ, trained on KonIQ-10k. Raises: UserError, as `clipiqa`."""
    path = source_file(sources, "musiq_koniq/musiq_koniq_ckpt-e95806b9.pth")
    return _filled(_created("musiq", pretrained=False), path)


def maniqa(sources: Path) -> Quality:
    """Load MANIQA, trained on KonIQ-10k: the mean of 20 crops of 224 px.

    Raises: UserError, as `clipiqa`.
    """
    path = source_file(sources, "maniqa_koniq/ckpt_koniq10k.pt")
    with _empty_backbone():
        network = _created("maniqa", pretrained=False)
    return _filled(network, path)


def qalign(sources: Path) -> Quality:
    """Load Q-Align (one-align), 16 GB that pyiqa downloads by itself.

    Raises: UserError without the packages, and for a failed download.
    """
    del sources
    try:
        return _quality(_created("qalign", install=INSTALL_QALIGN))
    except OSError as error:
        raise UserError(f"Q-Align's weights can't be had ({error}). Give its machine a network once, or leave Q-Align out.") from error


def _created(name: str, install: str = INSTALL, **options: Any) -> Any:
    """Make pyiqa's model.

    Raises: UserError without pyiqa, or without a package that the model needs.
    """
    try:
        return _pyiqa().create_metric(name, device=states.device(), **options)
    except ModuleNotFoundError as error:
        raise UserError(f"{name} needs the package '{error.name}', which isn't installed: {install}") from error


def _pyiqa() -> ModuleType:
    torchvision_import.prepare()
    import pyiqa  # pyright: ignore[reportMissingImports]

    return pyiqa


def _filled(model: Any, path: Path) -> Quality:
    states.fill(model.net, states.read(path), path)
    return _quality(model)


def _quality(model: Any) -> Quality:
    def score(image: np.ndarray) -> float:
        with torch.inference_mode():
            return float(model(torch.from_numpy(np.ascontiguousarray(image[None])).to(states.device())))

    return score


@contextmanager
def _empty_backbone() -> Iterator[None]:
    """Keep MANIQA from downloading a backbone, since its own file holds all weights of it."""
    import timm

    create = timm.create_model

    def untrained(name: str, pretrained: bool = False, **options: Any) -> Any:
        return create(name, pretrained=False, **options)

    timm.create_model = untrained
    try:
        yield
    finally:
        timm.create_model = create


@contextmanager
def _clip_importable() -> Iterator[None]:
    """Provide `pkg_resources.packaging`, which OpenAI's package imports and setuptools 82 no longer
    has.
    """
    import packaging.version

    if find_spec(RESOURCES):
        yield
        return
    sys.modules[RESOURCES] = stand_in = ModuleType(RESOURCES)
    stand_in.packaging = packaging  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        del sys.modules[RESOURCES]
