"""The config's files: read strictly, laid over one another, without what is set to null."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clrface.config.messages import found_value, is_mapping
from clrface.errors import UserError
from clrface.strict_yaml import read_yaml, typed


def load_config(paths: Sequence[Path]) -> dict[str, Any]:
    """Read YAML files and lay each over those before it, as Snakemake's `--configfile` does.

    Mappings are merged key by key, at any depth; anything else, a list too, replaces what was there.

    Raises: UserError for a file that is missing, is not YAML or holds no mapping.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = _merged(config, _read_yaml(Path(path)))
    return config


def take_overrides(config: dict[str, Any], files: Sequence[Path], given: Mapping[str, Any]) -> None:
    """Put right what Snakemake loses of a config: nested values of `--config`, `given`, arrive as strings.

    files: `--configfile`'s, read once more only for keys that stand twice. Raises: UserError for those.
    """
    for path in files:
        read_yaml(path)
    config |= _merged(config, {key: typed(value) for key, value in given.items()})


def leave_out(config: dict[str, Any]) -> None:
    """Take away the datasets, tables, sweeps, variants and protocols that are null: a file over a profile can do it no other way."""
    _without_nulls(config, "datasets", "tables", "sweeps", "variants", "protocols")
    for table in entries_of(config, "tables").values():
        if is_mapping(table):
            _without_nulls(table, "variants")


def _without_nulls(block: Any, *keys: str) -> None:
    for key in keys:
        if is_mapping(block.get(key)):
            block[key] = {name: entry for name, entry in block[key].items() if entry is not None}


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise UserError(f"Can't read the config {path} ({error.strerror}). Expected a YAML file there: correct the path.") from error
    if not is_mapping(content):
        raise UserError(f"{path} holds {found_value(content)}, expected a mapping of keys to values, as in config/embedded.yaml.")
    return dict(content)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old if is_mapping(old) else {}, value) if is_mapping(value) else value
    return merged


def entries_of(config: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
    """What a key holds, or nothing when that is no mapping (the schema says so then)."""
    value = config.get(key)
    return value if is_mapping(value) else {}
