"""Cache of per-image features, shared by the metrics of one network.

IDS and IDD embed the same images, as FD and KD do, and all rows share a ground truth. A cache
file's name is a checksum of the network's code and weights, the packages that run it, and the
image's values. So an edit or an upgrade starts a new cache.
"""

import functools
import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from clrface.files import atomic_path, sha256_file
from clrface.fingerprint import fingerprint

PACKAGES = ("torch", "timm", "dlib-bin", "numpy", "pillow")
Features = Callable[[np.ndarray], np.ndarray]
"""Map (B, 3, H, W) float32 RGB in [0, 1] to (B, d)."""


def remembered(load: Callable[[], Features], cache: Path | None, module: str, weights: Path) -> Features:
    """Return a network's features with a cache; without a folder `cache`, the network's own.

    Each image is computed alone, so that no digit depends on the cache's content.

    Args:
        load: loads the network; called when the first image is not in the cache.
        module: the module that holds the network: an edit of it starts a new cache.
        weights: the network's file, for the same reason.
    """
    if cache is None:
        return load()
    versions = hashlib.sha256(" ".join(version(package) for package in PACKAGES).encode()).hexdigest()[:8]
    network = functools.cache(load)
    name = f"{module.rsplit('.', 1)[-1]}-{fingerprint(module)}-{sha256_file(weights)[:16]}-{versions}"

    def lookup(images: np.ndarray) -> np.ndarray:
        return np.concatenate([_row(network, image[None], Path(cache) / name) for image in np.ascontiguousarray(images)])

    return lookup


def _row(network: Callable[[], Features], image: np.ndarray, folder: Path) -> np.ndarray:
    digest = hashlib.sha256(str((image.shape, image.dtype.str)).encode() + image.tobytes()).hexdigest()
    path = folder / digest[:2] / f"{digest}.npy"
    if path.is_file():
        try:
            return np.load(path)
        except (ValueError, EOFError, OSError):
            path.unlink(missing_ok=True)  # damaged: computed again below
    row = network()(image)
    with atomic_path(path) as part:
        np.save(part, row)
    return row
