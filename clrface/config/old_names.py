"""Old names in a config's files: keys, methods, protocols."""

from collections.abc import Mapping
from typing import Any

from clrface.config.messages import is_list, is_mapping
from clrface.renamed import KEYS, METHODS, PROTOCOLS, Renamed


def with_new_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file's content with old names replaced; a note reports each of them.

    What has another type than expected is left as it is, for the check of the whole config.
    """
    found: dict[str, Any] = _entries(content, KEYS)
    for key, renamed in (("methods", METHODS), ("protocols", PROTOCOLS)):
        if is_mapping(found.get(key)):
            found[key] = _entries(found[key], renamed)
    if is_mapping(tables := found.get("tables")):
        found["tables"] = {name: _table(entry) if is_mapping(entry) else entry for name, entry in tables.items()}
    return _with_protocol(found)


def _table(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = _with_protocol(entry)
    if is_list(rows := found.get("methods")):
        found["methods"] = [_name(row, METHODS) for row in rows]
    return found


def _with_protocol(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _name(value, PROTOCOLS) if key == "protocol" else value for key, value in entry.items()}


def _entries(entries: Mapping[Any, Any], renamed: Renamed) -> dict[Any, Any]:
    return {_name(name, renamed): entry for name, entry in entries.items()}


def _name(value: Any, renamed: Renamed) -> Any:
    return renamed.now(value) if isinstance(value, str) else value
