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

from clrface.errors import UserError, reading
from clrface.intact import fetched_again, intact

MAGIC = "7767517"
HALF = 0x01306B47
OUTPUTS, KERNEL, HAS_BIAS, WEIGHTS = "0", "1", "5", "6"
"""Keys of a convolution's line."""


@dataclass(frozen=True)
class Convolution:
    """`weight` (outputs, inputs, k, k) and `bias` (outputs,), float32."""

    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class _Line:
    """What a convolution's line says: how many outputs, the kernel's side, how many weights."""

    outputs: int
    kernel: int
    count: int


def read_convolutions(param: Path, numbers: Path) -> list[Convolution]:
    """Read every convolution of a network, in the order in which it runs them.

    Args:
        param: the text of layers (.param).
        numbers: their numbers (.bin).

    Raises: UserError for a file that is missing, damaged, of another format, cut short, or longer
    than its layers.
    """
    for path in (param, numbers):
        if not path.is_file():
            raise UserError(f"No weights at {path}. Fetch it first: python -m clrface fetch {path.parent.name}.")
    with reading(f"{param} as a network in ncnn's text format", fetched_again(param)):
        lines = _lines(intact(param).read_text(encoding="utf-8").splitlines())
    content, place, found = intact(numbers).read_bytes(), 0, []
    for line in lines:
        convolution, place = _convolution(line, content, place, numbers)
        found.append(convolution)
    if place != len(content):
        raise UserError(f"{numbers} has {len(content):,} bytes, but its {len(found)} convolutions {place:,}. {fetched_again(numbers)}")
    return found


def _lines(text: list[str]) -> list[_Line]:
    """Return what the convolutions' lines say.

    Raises: ValueError for a text that isn't ncnn's.
    """
    if not text or text[0].strip() != MAGIC:
        raise ValueError(f"expected the first line {MAGIC}")
    told, layers = "".join(text[1:2]).split()[:1], text[2:]
    if told != [str(len(layers))]:
        raise ValueError(f"line 2 tells of {''.join(told) or 'no'} layers, found {len(layers)}")
    return [_line(line, place) for place, line in enumerate(layers, start=3) if line.startswith("Convolution")]


def _line(line: str, place: int) -> _Line:
    """Return what the convolution at line `place` says.

    Raises: ValueError for a line without its numbers, and numbers that contradict one another.
    """
    keys = dict(word.split("=", 1) for word in line.split() if "=" in word)
    for key in (OUTPUTS, KERNEL, WEIGHTS):
        if key not in keys:
            raise ValueError(f"line {place}: found a convolution with no '{key}='")
        if not keys[key].isdecimal() or int(keys[key]) < 1:
            raise ValueError(f"line {place}: found '{key}={keys[key]}', expected a whole number above 0")
    found = _Line(*(int(keys[key]) for key in (OUTPUTS, KERNEL, WEIGHTS)))
    if found.count % (found.outputs * found.kernel**2):
        raise ValueError(f"line {place}: {found.count} weights are no whole number of inputs for {found.outputs} outputs")
    if keys.get(HAS_BIAS) != "1":
        raise ValueError(f"line {place}: found a convolution without a bias, expected '{HAS_BIAS}=1'")
    return found


def _convolution(line: _Line, content: bytes, place: int, path: Path) -> tuple[Convolution, int]:
    """The convolution at byte `place`, and the byte behind it."""
    tag = int.from_bytes(content[place : place + 4], "little")
    if tag != HALF:
        raise UserError(f"{path}: found weights of the kind {tag:#x} at byte {place:,}, expected half precision. {fetched_again(path)}")
    start = place + 4
    bias_at = start + 2 * line.count + (2 * line.count) % 4
    end = bias_at + 4 * line.outputs
    if end > len(content):
        raise UserError(f"{path} ends at byte {len(content):,} within a convolution. It is cut short. {fetched_again(path)}")
    weight = np.frombuffer(content, "<f2", line.count, start).astype(np.float32).reshape(line.outputs, -1, line.kernel, line.kernel)
    bias = np.frombuffer(content, "<f4", line.outputs, bias_at).copy()
    return Convolution(torch.from_numpy(weight), torch.from_numpy(bias)), end
