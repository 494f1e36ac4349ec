"""Networks from and to disk: diffusers' folder layout (config.json and safetensors), checked before
use.
"""

import copy
import inspect
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from diffusers import ModelMixin
from safetensors.torch import load_file
from torch import nn

from clrface.errors import UserError, reading
from clrface.intact import shipped_intact
from clrface.trained import RECORD

Network = TypeVar("Network", bound=ModelMixin)
Module = TypeVar("Module", bound=nn.Module)
SHARD = "15MB"


def load_network(kind: type[Network], folder: Path) -> Network:
    """Read a network of class `kind` onto the CPU, in single precision, evaluation mode and without
    gradients.

    Args:
        folder: has config.json and one or more .safetensors files.

    Raises: UserError for a folder without these, a damaged file, a tensor in two files, and weights
    that differ from the config in a key or a shape: the message names the first.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file() or not files:
        raise UserError(
            f"No weights in {folder}: expected config.json and a .safetensors file there. "
            "Set `weights: shipped`, train them (snakemake --cores all train --config weights=fit), or give the folder that holds them."
        )
    network = _of_config(kind, folder / "config.json")
    return fill(
        network,
        _tensors(files),
        f"{folder} doesn't fit its config.json",
        "Give the weights that belong to this config, or correct the config.",
    )


def _of_config(kind: type[Network], path: Path) -> Network:
    """Make a network by its config.json."""
    with reading(str(path), "It is damaged: get it again."):
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):  # diffusers would look for a text on Hugging Face
            raise ValueError(f"a {type(config).__name__}, not settings by name")
        known = inspect.signature(kind.__init__).parameters
        if odd := [key for key in config if key not in known and not key.startswith("_")]:  # diffusers would take the default instead
            raise ValueError(f"it has a setting '{odd[0]}', which {kind.__name__} has not")
        return kind.from_config(config)  # pyright: ignore[reportAttributeAccessIssue]


def _tensors(files: Iterable[Path]) -> dict[str, torch.Tensor]:
    """Read the tensors of all files, each of which is in one file only."""
    found: dict[str, torch.Tensor] = {}
    origin: dict[str, Path] = {}
    for file in files:
        tensors = read_safetensors(file)
        if twice := sorted(found.keys() & tensors.keys()):
            raise UserError(f"{file} and {origin[twice[0]]} both hold '{twice[0]}'. Remove the file that is left from other weights.")
        found |= tensors
        origin |= dict.fromkeys(tensors, file)
    return found


def fill(network: Module, state: Mapping[str, torch.Tensor], complaint: str, advice: str) -> Module:
    """Give a network its weights, in single precision; return it in evaluation mode and without
    gradients.

    Args:
        state: exactly the network's keys and shapes.

    Raises: UserError of `complaint`, the first key or shape that is wrong, and `advice`.
    """
    _check(network.state_dict(), state, complaint, advice)
    network.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    return network.eval().requires_grad_(False)


def take_matching(network: nn.Module, folder: Path) -> list[str]:
    """Start a network from another one's weights: every tensor of `folder` whose name and shape
    agree is taken over, the others stay.

    For a network of another latent width or input than the one that it starts from.

    Returns: the names taken, sorted.

    Raises: UserError when none agrees, for a damaged file, and a tensor in two files.
    """
    own = network.state_dict()
    found = _tensors(sorted(Path(folder).glob("*.safetensors")))
    taken = {key: value.to(own[key].dtype) for key, value in found.items() if key in own and own[key].shape == value.shape}
    if not taken:
        raise UserError(f"Of {len(found)} tensors in {folder} none fits this network. Give a folder with weights of the same kind.")
    network.load_state_dict(own | taken)
    return sorted(taken)


def start_from(network: ModelMixin, folder: Path, stage: str, apart_from: Collection[str] = ()) -> None:
    """Start a network from the weights of one of the same config.

    Args:
        stage: the training's, for the message.
        apart_from: keys of the config that may differ.

    Raises: UserError for another config, with its first difference, and as `load_network`.
    """
    before = load_network(type(network), folder)
    asked, found = _settings(network), _settings(before)
    if odd := [key for key in asked if key not in apart_from and asked[key] != found.get(key)]:
        raise UserError(
            f"Stage {stage} starts from {folder}, whose `{odd[0]}` is {found.get(odd[0])}; the config's network has {asked[odd[0]]}. "
            f"Give the stage's network what {folder}/config.json says, or leave `start_from` out."
        )
    cast(nn.Module, network).load_state_dict(cast(nn.Module, before).state_dict())


def _settings(network: ModelMixin) -> dict[str, Any]:
    """A network's own settings; tuples become lists, as in config.json."""
    config: Any = network.config
    return {key: list(value) if isinstance(value, tuple) else value for key, value in dict(config).items() if not key.startswith("_")}


def read_safetensors(file: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file, by name, as they are stored.

    Raises: UserError for one that is damaged, or differs from the SHA256SUMS above it.
    """
    with reading(str(file), "It is damaged: get it again."):
        return load_file(shipped_intact(file))


def move(network: Network, device: str | torch.device) -> Network:
    """Move a network to `device`, and return it.

    It is the network's own `to`, whose wrapper in diffusers type checkers take for an unbound
    function.
    """
    cast(nn.Module, network).to(device)
    return network


def _check(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], complaint: str, advice: str) -> None:
    missing = sorted(expected.keys() - found.keys())
    surplus = sorted(found.keys() - expected.keys())
    if missing or surplus:
        raise UserError(
            f"{complaint}: {len(missing)} keys are missing (first: {missing[0] if missing else 'none'}), "
            f"{len(surplus)} are unexpected (first: {surplus[0] if surplus else 'none'}). {advice}"
        )
    for key, value in expected.items():
        if found[key].shape != value.shape:
            raise UserError(f"{complaint}: '{key}' has the shape {tuple(found[key].shape)}, expected {tuple(value.shape)}. {advice}")


def save_network(network: ModelMixin, folder: Path) -> None:
    """Write config.json and the weights in half precision, in files of at most SHARD; the network
    itself keeps its precision.

    Weights that lie there, and the record of their training, are removed first: `load_network`
    would read them too.
    """
    for stale in (*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json"), folder / RECORD):
        stale.unlink(missing_ok=True)
    cast(ModelMixin, copy.deepcopy(network).half()).save_pretrained(folder, max_shard_size=SHARD)
