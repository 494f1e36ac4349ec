"""Named metric protocols: which metrics a table has, and what each is. Read from config/protocols.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface.errors import UserError, unknown_name
from clrface.strict_yaml import read_yaml


@dataclass(frozen=True)
class Protocol:
    """An entry of config/protocols.yaml."""

    name: str
    description: str
    metrics: tuple[str, ...]
    """Their ids, in the order of a table's columns."""
    definitions: Mapping[str, str]
    """What each of them is, in a sentence."""

    def pick(self, names: list[str] | None) -> tuple[str, ...]:
        """The metrics `names`, in the protocol's order; all of them for None. Raises: UserError for one that isn't among them."""
        for name in names or ():
            if name not in self.metrics:
                raise unknown_name(f"metric of protocol '{self.name}'", name, self.metrics)
        return self.metrics if names is None else tuple(name for name in self.metrics if name in names)


def load_protocol(path: Path, name: str) -> Protocol:
    """One protocol. Raises: UserError for a file that is missing and for an unknown name, with the nearest one."""
    try:
        entries: dict[str, dict[str, Any]] = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"No file {path}. Expected the list of protocols there: run this from the project's folder.") from None
    if name not in entries:
        raise unknown_name("protocol", name, entries)
    entry = entries[name]
    return Protocol(name, entry["description"], tuple(entry["metrics"]), entry["definitions"])
