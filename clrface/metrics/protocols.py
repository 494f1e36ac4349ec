"""Named protocols: the metrics of a table. A metric's card defines it.

clrface/catalogue/protocols.yaml holds the project's protocols. Entries of the same name under
`protocols:` of a config replace them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface.catalogue import PROTOCOLS
from clrface.errors import UserError, unknown_name
from clrface.metrics.registry import metric_cards
from clrface.renamed import PROTOCOLS as RENAMED
from clrface.strict_yaml import read_yaml

KEYS = ("description", "metrics")


@dataclass(frozen=True)
class Protocol:
    """An entry of clrface/catalogue/protocols.yaml, or of a config's `protocols`."""

    name: str
    description: str
    metrics: tuple[str, ...]
    """Their ids, in the order of a table's columns."""

    def pick(self, names: list[str] | None) -> tuple[str, ...]:
        """Return the metrics `names`, in the protocol's order; None for all.

        Raises: UserError for a metric that the protocol lacks.
        """
        for name in names or ():
            if name not in self.metrics:
                raise unknown_name(f"metric in protocol '{self.name}':", name, self.metrics)
        return self.metrics if names is None else tuple(name for name in self.metrics if name in names)


def load_protocol(path: Path, name: str) -> Protocol:
    """Load one protocol from a file of protocols, or from a config with `protocols:`.

    Raises: UserError for a missing file, an unknown name (with the nearest one), and an entry with
    mistakes.
    """
    try:
        content = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"No file {path}. Expected a list of protocols there: correct the path, or leave --protocols out.") from None
    entries = content.get("protocols", content) if isinstance(content, Mapping) else None
    if not isinstance(entries, Mapping):
        raise UserError(f"{path} has no protocols. Expected a mapping of names, each with `metrics`: see clrface/catalogue/protocols.yaml.")
    if not any(isinstance(entry, Mapping) for entry in entries.values()):
        raise UserError(f"{path} has no protocols. Expected the key `protocols`, a mapping of names, each with `metrics`.")
    name = RENAMED.among(name, entries)
    if name not in entries:
        own = " One of your own is in a file: --protocols FILE." if path == PROTOCOLS else " Name one of them: --protocol NAME."
        raise UserError(f"{unknown_name('protocol', name, map(str, entries))}{own}")
    return protocol_of(name, entries[name])


def laid_over(protocols: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a config's `protocols` into `protocols`, entry by entry.

    Raises: UserError for an entry with mistakes.
    """
    own = config.get("protocols") or {}
    for name, entry in own.items():
        protocol_of(name, entry)
    return {**protocols, **own}


def protocol_of(name: str, entry: object) -> Protocol:
    """Make a protocol from its entry.

    Raises: UserError for an unknown key or metric, with the nearest one.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("metrics"), list) or not entry["metrics"]:
        raise UserError(f"Protocol '{name}' needs `metrics`, a list of ids such as [psnr, ssim]. Add it.")
    for key in entry:
        if key not in KEYS:
            raise unknown_name(f"key of protocol '{name}':", str(key), KEYS)
    metrics = entry["metrics"]
    for metric in metrics:
        if metric not in metric_cards():
            raise unknown_name(f"metric of protocol '{name}':", str(metric), metric_cards())
    if twice := next((metric for metric in metrics if metrics.count(metric) > 1), None):
        raise UserError(f"Protocol '{name}' names the metric '{twice}' twice. Name it once.")
    return Protocol(name, entry.get("description", ""), tuple(metrics))
