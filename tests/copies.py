"""Copies of the project in folders of their own, and images as a set's archive holds them."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from clrface.fingerprint import ROOT

RUN = ("clrface", "config", "workflow", "profiles", "Snakefile", "environment.yml")
"""What a run reads, but for the weights and what is fetched."""


def copy_project(folder: Path, names: Sequence[str] = RUN) -> None:
    """Copy files and folders of the project, by their names in it, to `folder`, beside an empty folder `data`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)


def start_snakemake(folder: Path, *words: str, cores: int = 1, before: Sequence[str] | None = None) -> "subprocess.Popen[str]":
    """Start Snakemake in a folder, in a process group of its own; `before` is put before the command."""
    return subprocess.Popen(
        [*(before or []), sys.executable, "-m", "snakemake", "--cores", str(cores), *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"NO_COLOR": "1"},
    )


def png(rgb: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)
    return out.getvalue()


def lfw(faces: Sequence[np.ndarray], side_px: int) -> tuple[dict[str, bytes], str]:
    """LFW in miniature: its archive's photographs, and pairs.txt of two folds of 3 + 3 pairs.

    faces: two of each of six people, one after the other; each is laid, at `side_px`, into the middle of 250x250 pixels. The archive has
    one photograph more, which the list doesn't name.
    """
    names = [f"Person_{place // 2}/Person_{place // 2}_{1 + place % 2:04d}.jpg" for place in range(len(faces))]
    photographs = {f"lfw/{name}": _photograph(face, side_px) for name, face in zip(names, faces, strict=True)}
    lines = ["2\t3"]
    for fold in (range(3), range(3, 6)):
        lines += [f"Person_{person}\t1\t2" for person in fold]
        lines += [f"Person_{person}\t1\tPerson_{fold[person - fold[0] - 1]}\t2" for person in fold]
    return photographs | {"lfw/Nobody/Nobody_0001.jpg": _photograph(faces[0], side_px)}, "\n".join(lines) + "\n"


def _photograph(face: np.ndarray, side_px: int) -> bytes:
    out, margin = io.BytesIO(), (250 - side_px) // 2
    whole = Image.new("RGB", (250, 250), tuple(face.mean((0, 1)).astype(int)))
    whole.paste(Image.fromarray(face).resize((side_px, side_px), Image.Resampling.BICUBIC), (margin, margin))
    whole.save(out, "JPEG", quality=95)
    return out.getvalue()


def blurred(rgb: np.ndarray, side_px: int) -> np.ndarray:
    """Reduced to `side_px`, and enlarged again."""
    small = Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BOX)
    return np.asarray(small.resize(rgb.shape[:2], Image.Resampling.BILINEAR))
