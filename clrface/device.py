"""Where networks run: the device that the config names, or the best that is there."""

import os

from clrface.errors import UserError

VARIABLE = "CLRFACE_DEVICE"
"""The environment variable by which the workflow tells its metrics the config's `device`."""


def metric_device() -> str:
    """Where metrics' networks run: what CLRFACE_DEVICE names; by `auto`, and without it, a CUDA device if there is one.

    Raises: UserError for a device that isn't there.
    """
    import torch

    name = os.environ.get(VARIABLE) or "auto"
    if name != "auto":
        return pick_device(name)
    return "cuda" if torch.cuda.is_available() else "cpu"


def pick_device(name: str) -> str:
    """`auto` as the device that is there, another name as it is. Raises: UserError for a device that isn't there."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((device for device in ("cuda", "mps") if there[device]), "cpu")
    if not there.get(name, False):
        raise UserError(
            f"Device '{name}' is not there. Available: {', '.join(device for device in there if there[device])}. "
            "Set `device: auto` in the config."
        )
    return name
