"""YAML files read strictly: a key that stands twice is an error, where the plain reader would drop
the first in silence.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clrface.errors import UserError

MERGE = "tag:yaml.org,2002:merge"
MOST_ENTRIES = 100_000
"""Of a file, once its anchors are laid out: a few lines can stand for a billion entries, or for
themselves.
"""


LONGEST_LINE, MOST_BRACKETS = 400, 1000
"""Of a text that PyYAML's parser in C may read: its stack overflows on a few thousand levels. A level
takes a column or a bracket.
"""


class _Strict:
    """A mixin of PyYAML's constructors: refuses doubled keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise yaml.MarkedYAMLError(None, None, f"the key '{key.value}' stands here again (first in line {first})", key.start_mark)
            seen[key.value] = key
        return super().construct_mapping(node, deep)  # pyright: ignore[reportAttributeAccessIssue]


class _Loader(_Strict, yaml.SafeLoader):
    """The safe loader. What it says of a mistake shows the line."""


class _FastLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """The safe loader in C, where PyYAML was built with it: a seventh of the time."""


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises: OSError; UserError naming the file, for text that is no YAML, and a key that stands
    twice.
    """
    try:
        content = _loaded(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML. Put this right and run again:\n{error}") from error
    except RecursionError:
        raise UserError(f"{path} is nested too deeply to be read. Expected a few levels, as in config/embedded.yaml.") from None
    if _is_endless(content):
        raise UserError(
            f"{path} holds more than {MOST_ENTRIES:,} entries once its anchors (&name) are laid out where they are named (*name), or an "
            "anchor that holds itself. Write out what is meant."
        )
    return content


def _loaded(text: str) -> Any:
    lines = text.splitlines()
    if max(map(len, lines), default=0) <= LONGEST_LINE and text.count("[") + text.count("{") <= MOST_BRACKETS:
        try:
            return yaml.load(text, Loader=_FastLoader)  # a safe loader
        except yaml.YAMLError:
            pass  # told by the other one
    return yaml.load(text, Loader=_Loader)  # a safe loader


def _is_endless(content: Any) -> bool:
    waiting, count = [content], 0
    while waiting and count <= MOST_ENTRIES:
        value = waiting.pop()
        inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        count += len(inner)
        waiting += inner
    return count > MOST_ENTRIES


def typed(value: Any) -> Any:
    """Strings, at any depth, as the numbers, booleans or null that YAML reads in them.

    `--config 'clrface={steps: 4}'` reaches the workflow as {"steps": "4"}.
    """
    if isinstance(value, Mapping):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    loader = _Loader("")
    try:
        return loader.construct_object(yaml.ScalarNode(loader.resolve(yaml.ScalarNode, value, (True, False)), value))
    except (yaml.YAMLError, ValueError):
        return value
    finally:
        loader.dispose()
