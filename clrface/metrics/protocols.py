"""Named metric protocols: which metrics a table has, and what each is. Read from clrface/catalogue/protocols.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clrface.errors import UserError, unknown_name


@dataclass(frozen=True)
class Protocol:
    """An entry of clrface/catalogue/protocols.yaml."""

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
        entries: dict[str, dict[str, Any]] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"No file {path}. Expected a list of protocols there: correct the path, or leave --protocols out.") from None
    if name not in entries:
        raise unknown_name("protocol", name, entries)
    entry = entries[name]
    return Protocol(name, entry["description"], tuple(entry["metrics"]), entry["definitions"])
