"""Read the config's files strictly and merge them, without entries that are null."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clrface.config.messages import found_value, is_list, is_mapping
from clrface.config.old_names import with_new_names
from clrface.errors import UserError
from clrface.strict_yaml import read_yaml, typed

EXTENDS = "extends"
PRESET = "preset"


def run_config(paths: Sequence[Path], default: Path, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the merged config of a run.

    The files are merged into the default preset, unless one of them names a `preset`.

    Args:
        given: the values of `--config`, nested ones as strings. They override all files.

    Raises: UserError, as `load_config`.
    """
    config = load_config(paths)
    if PRESET not in config:
        config = load_config([default, *paths])
    return _merged(config, with_new_names(typed(given or {})))


def load_config(paths: Sequence[Path]) -> dict[str, Any]:
    """Read YAML files, each overriding those before it, as Snakemake's `--configfile` does.

    The files that a file `extends` are read before it. No file is read twice. Mappings are merged
    key by key, at any depth. Any other value, a list too, replaces the old one.

    Raises: UserError for a file that is missing, is not YAML, holds no mapping, or extends itself.
    """
    config: dict[str, Any] = {}
    read: set[Path] = set()
    for path in paths:
        config = _laid_over(config, Path(path), read, ())
    return config


def _laid_over(config: dict[str, Any], path: Path, read: set[Path], above: tuple[Path, ...]) -> dict[str, Any]:
    """Return the config overridden by a file, after the files that it extends.

    Args:
        above: the files that extend this one.
    """
    place = path.resolve()
    if place in above:
        raise UserError(f"{path} extends itself, by way of {above[-1].name}. Take one `extends` out.")
    if place in read:
        return config
    content = with_new_names(_read_yaml(path, above))
    for name in _extended(path, content.pop(EXTENDS, [])):
        config = _laid_over(config, path.parent / name, read, (*above, place))
    read.add(place)
    return _merged(config, content)


def _extended(path: Path, value: object) -> list[str]:
    """Return the files that a file extends."""
    names: list[Any] = value if is_list(value) else [value]
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: {EXTENDS}: found {found_value(value)}, expected a file beside it, or a list of such files.")
    return names


def leave_out(config: dict[str, Any]) -> None:
    """Remove datasets, tables, sweeps, variants and protocols that are null.

    A file that overrides a preset has no other way to do so.
    """
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
    """Return the entries of a key; empty for no mapping, which the schema reports."""
    value = config.get(key)
    return value if is_mapping(value) else {}
