"""The device of networks: the one that the config names, or the best available."""

import os

from clrface.errors import UserError

VARIABLE = "CLRFACE_DEVICE"
"""The environment variable with the config's `device`, which the workflow sets for its metrics."""


def metric_device() -> str:
    """Return the device of metrics' networks: CLRFACE_DEVICE. For `auto`, or without it, a CUDA
    device if available.

    Raises: UserError for a device that is not available.
    """
    import torch

    name = os.environ.get(VARIABLE) or "auto"
    if name == "mps":
        return "cpu"  # it has no double precision, which some metrics need
    if name != "auto":
        return pick_device(name)
    return "cuda" if torch.cuda.is_available() else "cpu"


def pick_device(name: str) -> str:
    """Resolve `auto`; return another name unchanged.

    Raises: UserError for a device that is not available.
    """
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
