"""Copies of the project in folders of their own, and pictures as a set's archive holds them."""

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from clrface.fingerprint import ROOT

RUN = ("clrface", "baselines", "config", "workflow", "profiles", "Snakefile", "environment.yml", "data/manifests")
"""What a run reads, but for the weights and what is fetched."""


def copy_project(folder: Path, names: Sequence[str] = RUN) -> None:
    """Copy files and folders of the project, by their names in it, to `folder`."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)


def png(rgb: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)
    return out.getvalue()


def blurred(rgb: np.ndarray, side_px: int) -> np.ndarray:
    """Reduced to `side_px`, and enlarged again."""
    small = Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BOX)
    return np.asarray(small.resize(rgb.shape[:2], Image.Resampling.BILINEAR))
