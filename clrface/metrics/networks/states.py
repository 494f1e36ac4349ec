"""Third-party weights: read a torch file in its official layout into a network built here,
strictly.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clrface.device import metric_device
from clrface.errors import UserError
from clrface.intact import fetched_again
from clrface.models.torch_file import read_torch, tensors_by_name

UNUSED = "num_batches_tracked"
"""A counter of batch normalisation's training; files from before torch 0.4.1 lack it."""


def device() -> torch.device:
    """Return the device of the official networks: the run's `device`.

    At 512 px they are slow without a GPU.
    """
    return torch.device(metric_device())


def read(path: Path) -> dict[str, Any]:
    """Read a torch file's tensors by name, without `state_dict` and the `module.` of data
    parallelism.

    Raises: UserError for a file that is damaged, or holds more than tensors, numbers and numpy
    arrays.
    """
    with torch.serialization.safe_globals(_numpy_globals()):
        stored = read_torch(path, fetched_again(path))
    stored = stored.get("state_dict", stored) if isinstance(stored, Mapping) else {}
    return {str(name).removeprefix("module."): value for name, value in stored.items()}


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Give a network (on the meta device, or not) its weights, for inference alone.

    It is frozen, in evaluation mode, on `device()`.

    Args:
        path: where `state` was read, for the message.

    Raises: UserError that names the first tensor that is missing, surplus or of another shape; and
    for values that aren't tensors.
    """
    expected = network.state_dict()
    state = {name: tensor for name, tensor in state.items() if not name.endswith(UNUSED)}
    state |= {name: torch.zeros((), dtype=torch.long) for name in expected if name.endswith(UNUSED)}
    for name in [*sorted(expected.keys() - state.keys()), *sorted(state.keys() - expected.keys())]:
        raise UserError(f"{path} isn't the file that was expected: the tensor '{name}' is {_fault(name, expected)}. {fetched_again(path)}")
    tensors_by_name(state, path, fetched_again(path))
    for name, tensor in expected.items():
        if state[name].shape != tensor.shape:
            found, wanted = tuple(state[name].shape), tuple(tensor.shape)
            raise UserError(f"{path} isn't the file that was expected: '{name}' has the shape {found}, not {wanted}. {fetched_again(path)}")
    network.load_state_dict(dict(state), assign=True)
    network.requires_grad_(False).eval().to(device())


def _fault(name: str, expected: Mapping[str, Tensor]) -> str:
    return "missing" if name in expected else "one too many"


def _numpy_globals() -> list[Any]:
    """Return what a pickled numpy array consists of, under old module names too: statistics files
    hold arrays.
    """
    from numpy import dtype, ndarray
    from numpy._core.multiarray import _reconstruct, scalar  # pyright: ignore[reportAttributeAccessIssue]
    from numpy.dtypes import Float32DType, Float64DType

    old = [(kind, f"numpy.core.multiarray.{kind.__name__}") for kind in (_reconstruct, scalar)]
    return [ndarray, dtype, Float32DType, Float64DType, _reconstruct, scalar, *old]
