"""The field's degradations beside ours, with equal draws.

The parts of BasicSR's (github.com/XPixelGroup/BasicSR, basicsr/data/degradations.py); the whole of GFPGAN's training set
(github.com/TencentARC/GFPGAN, gfpgan/data/ffhq_degradation_dataset.py).
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np

from benchmarks.peers.process import finished
from benchmarks.peers.rows import Images, Row
from clrface.catalogue import DEGRADATIONS
from clrface.degradation.apply import apply, gaussian_kernel, jpeg
from clrface.degradation.draw import Draws, draw, get_degradation, load_degradations
from clrface.images import read_rgb
from clrface.seeds import generator
from clrface.torchvision_import import prepare

FILE, DATASET = "basicsr/data/degradations.py", "gfpgan/data/ffhq_degradation_dataset.py"
FORCED = Path(__file__).with_name("forced_draws.py")
KERNELS = ((41, 0.5, 9.0, 0.3), (41, 3.0, 3.0, 0.0), (21, 1.2, 0.2, -1.0), (7, 0.1, 10.0, 3.0))
"""Length in px, two sigmas in px, angle in radians."""
QUALITIES = (30, 60, 99)
RECIPES = {"gfpgan": {}, "gfpgan, turned grey": {"grey": True}, "codeformer_ii": {}, "difface": {}}
"""A degradation and what is changed of its draws."""
AT_AN_EDGE = 1e-5
"""The share of values that two versions of OpenCV may round to different sides."""


def compare(clone: Path, images: Images) -> Iterator[Row]:
    """The largest difference of a kernel's values, and of an image's in units of 1/255 after JPEG. `theirs` is the reference: 0.

    Nothing for a clone of another peer; nor from `compare_dataset`.
    """
    if not (clone / FILE).is_file():
        return
    theirs = _load(clone / FILE)
    for length, along, across, angle in KERNELS:
        kernel = theirs.bivariate_Gaussian(length, along, across, angle, isotropic=along == across)
        apart = np.abs(gaussian_kernel(length, along, across, angle) - kernel).max()
        yield Row(
            "BasicSR", f"kernel {length} px, sigma {along}, {across}, angle {angle}: largest value apart", "degrade", 0.0, float(apart)
        )
    image = read_rgb(sorted(images.truth.iterdir())[0]).astype(np.float32) / 255
    for quality in QUALITIES:
        bgr = theirs.add_jpg_compression(np.ascontiguousarray(image[..., ::-1]), quality)
        apart = 255 * np.abs(jpeg(image, quality) - bgr[..., ::-1]).max()
        yield Row("BasicSR", f"JPEG {quality}: largest difference, of 255", "degrade", 0.0, float(apart))


def compare_dataset(clone: Path, python: Path, images: Images) -> Iterator[Row]:
    """How far images are apart that theirs degrades by our draws. `theirs` is the reference: 0."""
    if not (clone / DATASET).is_file():
        return
    faces = sorted(images.truth.iterdir())
    for recipe, change in RECIPES.items():
        degradation = get_degradation(load_degradations(DEGRADATIONS), recipe.partition(",")[0])
        drawn = [draw(degradation, len(read_rgb(face)), False, generator(0, "parity", recipe, face.name)) for face in faces]
        yield from _of_dataset(clone, python, recipe, faces, [replace(draws, **change) for draws in drawn])


def _of_dataset(clone: Path, python: Path, recipe: str, faces: list[Path], drawn: list[Draws]) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        jobs = [{"image": str(face), "out": f"{folder}/{face.name}", "draws": asdict(d)} for face, d in zip(faces, drawn, strict=True)]
        Path(folder, "jobs.json").write_text(json.dumps(jobs))
        done = finished([python, FORCED, clone / DATASET, f"{folder}/jobs.json"], folder, clone)
        if done.failed:
            yield Row("GFPGAN", f"{recipe}: {len(faces)} images", "degrade", why=f"not run: {done.last} (it needs basicsr)")
            return
        theirs = [read_rgb(Path(folder, face.name)).astype(int) for face in faces]
    apart = [np.abs(image - apply(read_rgb(face), d)) for image, face, d in zip(theirs, faces, drawn, strict=True)]
    share, most = float(np.mean([image > 0 for image in apart])), float(np.max(apart))
    yield Row("GFPGAN", f"{recipe}, {len(faces)} images: share of values that differ", "degrade", 0.0, share, absolute=AT_AN_EDGE)
    yield Row("GFPGAN", f"{recipe}, {len(faces)} images: largest difference, of 255", "degrade", 0.0, most, absolute=1.0)


def _load(path: Path) -> ModuleType:
    """The file alone: the package around it asks for a module that newer torchvisions lack."""
    prepare()
    spec = importlib.util.spec_from_file_location("peer_degradations", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
