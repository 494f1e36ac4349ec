"""Read torch's files as tensors alone.

A pickle may run code, and a damaged file may make its reader fail in any way.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from clrface.errors import UserError, reading


def read_torch(path: Path, advice: str, device: str | torch.device = "cpu", what: str = "weights") -> Any:
    """Return what a torch file holds: tensors, numbers, text and containers of them, and what
    `torch.serialization.safe_globals` admits.

    Args:
        advice: what to do about a bad file, the last sentence of the error.
        device: where the tensors go.
        what: what the error calls the file's content.

    Raises: UserError, with `advice`, for a file that is damaged, missing, or holds anything else.
    """
    with reading(f"the {what} {path}", advice):
        return torch.load(path, map_location=device, weights_only=True)


def read_tensors(path: Path, advice: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a torch file by name.

    Raises: UserError, with `advice`, as `read_torch`, and for a file of anything else.
    """
    return tensors_by_name(read_torch(path, advice), path, advice)


def tensors_by_name(stored: object, path: Path, advice: str) -> dict[str, torch.Tensor]:
    """Return `stored`, which was read from `path`, if it is tensors by name.

    Raises: UserError, with `advice`, if it is anything else.
    """
    mapping = stored if isinstance(stored, Mapping) else {}
    if mapping and all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in mapping.items()):
        return dict(mapping)
    found = f"a {type(stored).__name__}" + (f" with {', '.join(map(str, [*mapping][:3]))}, ..." if mapping else "")
    raise UserError(f"{path} holds {found}, expected tensors by name. {advice}")
