"""Weights of a network in ncnn's format, a text of layers (.param) and their numbers (.bin), as
torch tensors.

Only convolutions are read, in the order in which the network runs them: what Real-ESRGAN's
publisher packs has no other weights. Format (ncnn's wiki, "param and model file structure"): each
convolution's kernel stands behind four bytes that say how it is stored, half precision under the
tag below, padded to four bytes; its bias follows in single precision.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clrface.errors import UserError

MAGIC = "7767517"
HALF = 0x01306B47
OUTPUTS, KERNEL, HAS_BIAS, WEIGHTS = "0", "1", "5", "6"
"""Keys of a convolution's line."""


@dataclass(frozen=True)
class Convolution:
    """`weight` (outputs, inputs, k, k) and `bias` (outputs,), float32."""

    weight: torch.Tensor
    bias: torch.Tensor


def read_convolutions(param: Path, numbers: Path) -> list[Convolution]:
    """Read every convolution of a network, in the order in which it runs them.

    Args:
        param: the text of layers (.param).
        numbers: their numbers (.bin).

    Raises: UserError for a file that is missing, of another format, cut short, or longer than its
    layers.
    """
    for path in (param, numbers):
        if not path.is_file():
            raise UserError(f"No weights at {path}. Fetch it first: python -m clrface fetch {path.parent.name}.")
    lines = param.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].strip() != MAGIC:
        raise UserError(f"{param} isn't a network in ncnn's text format: expected the first line {MAGIC}. Fetch the source again.")
    content, place, found = numbers.read_bytes(), 0, []
    for keys in (_keys(line) for line in lines[2:] if line.startswith("Convolution")):
        convolution, place = _convolution(keys, content, place, numbers)
        found.append(convolution)
    if place != len(content):
        raise UserError(f"{numbers} has {len(content):,} bytes, but its {len(found)} convolutions {place:,}. Fetch the source again.")
    return found


def _keys(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def _convolution(keys: dict[str, str], content: bytes, place: int, path: Path) -> tuple[Convolution, int]:
    """The convolution at byte `place`, and the byte behind it."""
    outputs, kernel, count = int(keys[OUTPUTS]), int(keys[KERNEL]), int(keys[WEIGHTS])
    tag = int.from_bytes(content[place : place + 4], "little")
    if tag != HALF or keys.get(HAS_BIAS) != "1":
        raise UserError(f"{path}: found a convolution of the kind {tag:#x} at byte {place:,}, expected half precision with a bias.")
    start = place + 4
    bias_at = start + 2 * count + (2 * count) % 4
    end = bias_at + 4 * outputs
    if end > len(content):
        raise UserError(f"{path} ends at byte {len(content):,} within a convolution. It is cut short: fetch the source again.")
    weight = np.frombuffer(content, "<f2", count, start).astype(np.float32).reshape(outputs, -1, kernel, kernel)
    bias = np.frombuffer(content, "<f4", outputs, bias_at).copy()
    return Convolution(torch.from_numpy(weight), torch.from_numpy(bias)), end
