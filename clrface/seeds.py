"""Every random draw in the project comes from here; there is no global random state.

A seed is the SHA-256 of (base seed, purpose, dataset, image_id): an image's draws depend on nothing
else, so neither on its batch, its chunk, its place in the order nor the number of cores.
"""

import hashlib

import numpy as np


def derive_seed(base_seed: int, purpose: str, *names: str) -> int:
    """A 63-bit seed for one purpose, e.g. `derive_seed(0, "degrade", "orl", "s1_1")`.

    >>> derive_seed(0, "degrade", "orl", "s1_1") == derive_seed(0, "degrade", "orl", "s1_1")
    True
    """
    text = "\x1f".join([str(base_seed), purpose, *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(base_seed: int, purpose: str, *names: str) -> np.random.Generator:
    """NumPy's generator for one purpose; see `derive_seed`."""
    return np.random.default_rng(derive_seed(base_seed, purpose, *names))
