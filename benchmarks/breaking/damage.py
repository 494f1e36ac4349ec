"""What happens to files: cut short, bits turned, parts zeroed, other content under the name."""

from collections.abc import Callable

import numpy as np

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
Harm = Callable[[np.random.Generator, bytes], bytes]


def damaged(rng: np.random.Generator, content: bytes) -> tuple[str, bytes]:
    """One kind of damage, drawn: its name, and the bytes."""
    name = str(rng.choice(list(HARMS)))
    return name, HARMS[name](rng, content)


def _cut(rng: np.random.Generator, content: bytes) -> bytes:
    return content[: int(rng.integers(0, max(1, len(content))))]


def _flipped(rng: np.random.Generator, content: bytes) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, len(changed), int(rng.integers(1, 20))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _zeroed(rng: np.random.Generator, content: bytes) -> bytes:
    start = int(rng.integers(len(content)))
    stop = min(len(content), start + int(rng.integers(1, 64)))
    return content[:start] + bytes(stop - start) + content[stop:]


def _head(rng: np.random.Generator, content: bytes) -> bytes:
    """The first bytes, where sizes and kinds stand, made random."""
    count = int(rng.integers(1, 64))
    return rng.bytes(min(count, len(content))) + content[count:]


def _noise(rng: np.random.Generator, content: bytes) -> bytes:
    return rng.bytes(len(content))


def _doubled(rng: np.random.Generator, content: bytes) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + content


HARMS: dict[str, Harm] = {
    "cut": _cut,
    "flipped": _flipped,
    "zeroed": _zeroed,
    "head": _head,
    "noise": _noise,
    "doubled": _doubled,
    "empty": lambda rng, content: b"",
    "page": lambda rng, content: PAGE,
}
