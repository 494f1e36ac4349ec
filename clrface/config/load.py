"""The config's files: read strictly, laid over one another, without what is set to null."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clrface.config.messages import found_value, is_list, is_mapping
from clrface.errors import UserError
from clrface.strict_yaml import read_yaml, typed

EXTENDS = "extends"
PRESET, OLD_PRESET = "preset", "profile"


def run_config(paths: Sequence[Path], default: Path, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The merged config of a run: its files, laid over the default preset unless one of them names a `preset`.

    Args:
        given: what `--config` says; nested values arrive as strings. It is laid over all files.

    Raises: UserError as `load_config`.
    """
    config = load_config(paths)
    if PRESET not in config:
        config = load_config([default, *paths])
    return _merged(config, _renamed(typed(given or {})))


def load_config(paths: Sequence[Path]) -> dict[str, Any]:
    """Read YAML files and lay each over those before it, as Snakemake's `--configfile` does.

    What a file `extends` is read before it; a file that was read already isn't read again. Mappings are merged key by key, at any
    depth; anything else, a list too, replaces what was there.

    Raises: UserError for a file that is missing, is not YAML, holds no mapping, or extends itself.
    """
    config: dict[str, Any] = {}
    read: set[Path] = set()
    for path in paths:
        config = _laid_over(config, Path(path), read, ())
    return config


def _laid_over(config: dict[str, Any], path: Path, read: set[Path], above: tuple[Path, ...]) -> dict[str, Any]:
    """The config with a file laid over it, after what the file extends. above: the files that extend this one."""
    place = path.resolve()
    if place in above:
        raise UserError(f"{path} extends itself, by way of {above[-1].name}. Take one `extends` out.")
    if place in read:
        return config
    content = _renamed(_read_yaml(path, above))
    for name in _extended(path, content.pop(EXTENDS, [])):
        config = _laid_over(config, path.parent / name, read, (*above, place))
    read.add(place)
    return _merged(config, content)


def _extended(path: Path, value: object) -> list[str]:
    """The files that a file extends."""
    names: list[Any] = value if is_list(value) else [value]
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: {EXTENDS}: found {found_value(value)}, expected a file beside it, or a list of such files.")
    return names


def _renamed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A file's content with keys by their present names; a note tells which was not."""
    if OLD_PRESET not in content:
        return dict(content)
    print(f"Note: the key `{OLD_PRESET}` is called `{PRESET}` now. The next release no longer reads the old name.", file=sys.stderr)
    return {PRESET if key == OLD_PRESET else key: value for key, value in content.items()}


def leave_out(config: dict[str, Any]) -> None:
    """Take away the datasets, tables, sweeps, variants and protocols that are null: a file laid over a preset can do it no other way."""
    _without_nulls(config, "datasets", "tables", "sweeps", "variants", "protocols")
    for table in entries_of(config, "tables").values():
        if is_mapping(table):
            _without_nulls(table, "variants")


def _without_nulls(block: Any, *keys: str) -> None:
    for key in keys:
        if is_mapping(block.get(key)):
            block[key] = {name: entry for name, entry in block[key].items() if entry is not None}


def _read_yaml(path: Path, above: Sequence[Path]) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        named = f", which {above[-1].name} extends" if above else ""
        raise UserError(f"Can't read the config {path}{named} ({error.strerror}). Expected a YAML file there: correct the path.") from error
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
