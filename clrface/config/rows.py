"""Resolve a config: the rows of its tables, with all their parameters, and the test sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clrface.api import MethodCard
from clrface.config.parts import value_of
from clrface.config.tables import Table


@dataclass(frozen=True)
class Row:
    """One row of a table: a method with all its parameters, or a folder of finished images."""

    name: str
    label: str
    method: str | None
    """The method to run; None for a folder of finished images."""
    params: dict[str, Any]
    """Every parameter of the method's card, with its value."""
    folder: Path | None = None
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the config says of finished images: label, paper, code, version, licence."""


def rows(config: Mapping[str, Any], methods: Mapping[str, MethodCard], table: str | None = None) -> list[Row]:
    """Return the rows of a valid config that all tables share, methods first; or those of one
    table.

    A table's rows are in its own order, followed by its own variants. A parameter's value is the
    method's default. The config's block of the method's name (`clrface:`) overrides it, then the
    entry under `methods`, then the variant.
    """
    found: list[Row] = []
    for name, entry in config["methods"].items():
        if "folder" in entry:
            about = {key: value for key, value in entry.items() if key != "folder"}
            found.append(Row(name, entry.get("label") or name, None, {}, Path(entry["folder"]), about))
        else:
            found.append(Row(name, methods[name].label, name, params_of(config, methods[name])))
    found += [_variant(name, variant, config, methods) for name, variant in config["variants"].items()]
    if table is None:
        return found
    entry = config["tables"][table]
    wanted, by_name = value_of(Table, entry, "methods"), {row.name: row for row in found}
    own = [_variant(name, variant, config, methods) for name, variant in entry.get("variants", {}).items()]
    return (found if wanted == "all" else [by_name[name] for name in wanted]) + own


def all_rows(config: Mapping[str, Any], methods: Mapping[str, MethodCard]) -> list[Row]:
    """Return every row of a valid config: those that all tables share, and each table's own."""
    found = {row.name: row for table in [None, *config["tables"]] for row in rows(config, methods, table)}
    return list(found.values())


def _variant(name: str, variant: Mapping[str, Any], config: Mapping[str, Any], methods: Mapping[str, MethodCard]) -> Row:
    [(method, changes)] = variant.items()
    told = ", ".join(f"{key} {value}" for key, value in changes.items())
    return Row(name, f"{methods[method].label} ({told})", method, params_of(config, methods[method]) | changes)


def table_datasets(config: Mapping[str, Any], table: str) -> list[str]:
    """Return the names of a table's test sets, of a valid config; `all` means those with ground
    truth.
    """
    wanted = config["tables"][table]["datasets"]
    return [name for name in config["datasets"] if has_truth(config, name)] if wanted == "all" else list(wanted)


def has_truth(config: Mapping[str, Any], dataset: str) -> bool:
    """Return whether a test set has ground truth: not if the config names a reference instead."""
    return "reference" not in (config["datasets"].get(dataset) or {})


def params_of(config: Mapping[str, Any], card: MethodCard) -> dict[str, Any]:
    """Return a method's parameters in its own row.

    Only CLR-Face, with its parts, has a block at the top of the config.
    """
    block: Mapping[str, Any] = config["clrface"] if card.family == "clrface" else {}
    return {**card.params, **block, **config["methods"].get(card.name, {})}
