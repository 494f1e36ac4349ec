"""The parts of BasicSR's degradation (github.com/XPixelGroup/BasicSR, basicsr/data/degradations.py) beside ours, with equal draws."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.peers.rows import Images, Row
from clrface.degradation.apply import gaussian_kernel, jpeg
from clrface.images import read_rgb
from clrface.torchvision_import import prepare

FILE = "basicsr/data/degradations.py"
KERNELS = ((41, 0.5, 9.0, 0.3), (41, 3.0, 3.0, 0.0), (21, 1.2, 0.2, -1.0), (7, 0.1, 10.0, 3.0))
"""Length in px, two sigmas in px, angle in radians."""
QUALITIES = (30, 60, 99)


def compare(clone: Path, images: Images) -> Iterator[Row]:
    """The largest difference of a kernel's values, and of an image's in units of 1/255 after JPEG. `theirs` is the reference: 0."""
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


def _load(path: Path) -> ModuleType:
    """The file alone: the package around it asks for a module that newer torchvisions lack."""
    prepare()
    spec = importlib.util.spec_from_file_location("peer_degradations", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
