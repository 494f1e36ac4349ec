"""Networks from and to disk: diffusers' folder layout (config.json and safetensors), checked before use."""

import copy
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from diffusers import ModelMixin
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from clrface.errors import UserError

Network = TypeVar("Network", bound=ModelMixin)
SHARD = "15MB"


def load_network(kind: type[Network], folder: Path) -> Network:
    """Read a network in single precision, ready for use: evaluation mode, no gradients.

    Raises: UserError when the folder isn't there, or when the weights differ from the config in a key or a shape:
    the message names the first.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file() or not files:
        raise UserError(
            f"No weights in {folder}: expected config.json and a .safetensors file there. "
            "Set `weights: shipped`, train them (snakemake --cores all train --config weights=fit), or give the folder that holds them."
        )
    config: Any = kind.load_config(folder)  # pyright: ignore[reportAttributeAccessIssue]
    network: Any = kind.from_config(config)  # pyright: ignore[reportAttributeAccessIssue]
    state = {key: value for file in files for key, value in _read(file).items()}
    _check(network.state_dict(), state, folder)
    network.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    return network.eval().requires_grad_(False)


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except SafetensorError as error:
        raise UserError(f"Can't read {file} ({error}). It is damaged: get it again.") from error


def move(network: Network, device: str | torch.device) -> Network:
    """The network itself, on `device`: its own `to`, whose wrapper in diffusers type checkers take for an unbound function."""
    cast(nn.Module, network).to(device)
    return network


def _check(expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor], path: Path) -> None:
    missing = sorted(expected.keys() - found.keys())
    surplus = sorted(found.keys() - expected.keys())
    if missing or surplus:
        raise UserError(
            f"{path} doesn't fit its config.json: {len(missing)} keys are missing (first: {missing[0] if missing else 'none'}), "
            f"{len(surplus)} are unexpected (first: {surplus[0] if surplus else 'none'}). Give the weights that belong to this config."
        )
    for key, value in expected.items():
        if found[key].shape != value.shape:
            raise UserError(
                f"{path} doesn't fit its config.json: '{key}' has the shape {tuple(found[key].shape)}, expected {tuple(value.shape)}. "
                "Give the weights that belong to this config, or correct the config."
            )


def save_network(network: ModelMixin, folder: Path) -> None:
    """Write a network in half precision, in files of at most SHARD."""
    cast(ModelMixin, copy.deepcopy(network).half()).save_pretrained(folder, max_shard_size=SHARD)
