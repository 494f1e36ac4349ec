"""Read torch's files as tensors alone.

A pickle may run code, and a damaged file may make its reader fail in any way.
"""

from pathlib import Path
from typing import Any

import torch

from clrface.errors import UserError


def read_torch(path: Path, advice: str, device: str | torch.device = "cpu", what: str = "weights") -> Any:
    """Return what a torch file holds: tensors, numbers, text and containers of them, and what
    `torch.serialization.safe_globals` admits.

    Args:
        advice: what to do about a bad file, the last sentence of the error.
        device: where the tensors go.
        what: what the error calls the file's content.

    Raises: UserError, with `advice`, for a file that is damaged, missing, or holds anything else.
    """
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # KeyError, IndexError, UnicodeDecodeError, struct.error, ...: whatever the bytes lead the unpickler to
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UserError(f"Can't read the {what} {path} ({reason}). {advice}") from error
