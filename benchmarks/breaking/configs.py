"""Configs with mistakes of every kind, through the reader and the planner, as a run reads them."""

import copy
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml

from benchmarks.breaking.ledger import Attempt, Wrong
from clrface.config.load import run_config
from clrface.paths import PRESET, root
from clrface.plan import fetching, plan, tables, targets
from clrface.project import read_project
from clrface.published import load_published

PRESETS = ("full", "val", "paper", "parts", "tune", "compression", "colour", "gpu")
VALUES = (
    *(None, True, False, 0, 1, -1, 7, 64, 10**12, 0.0, -0.5, 1e-300, float("nan"), float("inf"), "", " ", "none", "all", "orl", "unet"),
    *("clrface", "../x", "/etc/passwd", "a b", "é", "\n", "{x}", "*", "$(id)", [], {}, [None], [[]], [1, "a"], {"a": 1}, {"": None}),
    *({1: 2}, ["orl", "orl"], "x" * 5000),
)
"""What is put where something else belongs."""


def trial(rng: np.random.Generator, folder: Path) -> Attempt:
    """One file over the shipped profile: a shipped config with mistakes, read and planned."""
    base = str(rng.choice(["", *PRESETS]))
    name = str(rng.choice(list(MISTAKES)))
    text, must_refuse = MISTAKES[name](rng, _base(base))
    path = folder / "mine.yaml"
    path.write_bytes(text)
    return Attempt(f"{name}, {base or 'embedded'}", lambda: _plan(path, must_refuse))


def _plan(path: Path, must_refuse: bool) -> None:
    config = run_config([path], root() / PRESET)
    # The catalogue is the same for all: read once, for speed alone.
    with mock.patch.multiple(plan, read_project=_project, load_published=_published):
        made = plan.read_plan(config)
    if must_refuse:
        raise Wrong("a key that nobody knows was taken")
    targets.all_files(made)
    fetching.fetched_files(made)
    if "table1" in made.tables:
        tables.table1_files(made)


@functools.cache
def _published(path: Path) -> Any:
    return load_published(path)


@functools.cache
def _project() -> Any:
    return read_project()


@functools.cache
def _base(name: str) -> str:
    """A shipped config's text, which finds what it extends from any folder."""
    text = (root() / "config" / f"{name or 'embedded'}.yaml").read_text(encoding="utf-8")
    return re.sub(r"(?m)^extends: (\S+)", lambda found: f"extends: {root().absolute() / 'config' / found[1]}", text)


def _places(node: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each key and each item."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, value in inner for place in ((*above, key), *_places(value, (*above, key)))]


def _parent(config: Any, place: tuple[Any, ...]) -> Any:
    return functools.reduce(lambda node, key: node[key], place[:-1], config)


Changed = Callable[[np.random.Generator, Any, tuple[Any, ...]], bool]


def _in_tree(change: Changed) -> Callable[[np.random.Generator, str], tuple[bytes, bool]]:
    """A change at a place of the read config, written as YAML again. `change` says whether a refusal is due."""

    def changed(rng: np.random.Generator, text: str) -> tuple[bytes, bool]:
        config = copy.deepcopy(yaml.safe_load(text))
        places = _places(config)
        due = change(rng, config, places[rng.integers(len(places))])
        return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode(), due

    return changed


def _value(rng: np.random.Generator, config: Any, place: tuple[Any, ...]) -> bool:
    _parent(config, place)[place[-1]] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    return False


def _removed(rng: np.random.Generator, config: Any, place: tuple[Any, ...]) -> bool:
    del _parent(config, place)[place[-1]]
    return False


def _mistyped(rng: np.random.Generator, config: Any, place: tuple[Any, ...]) -> bool:
    """A top-level key with a letter too many: no such key exists."""
    key = list(config)[rng.integers(len(config))]
    spot = int(rng.integers(len(key) + 1))
    config[key[:spot] + "q" + key[spot:]] = config.pop(key)
    return True


def _moved(rng: np.random.Generator, config: Any, place: tuple[Any, ...]) -> bool:
    """What stands at one place is put at another, too."""
    places = _places(config)
    other = places[rng.integers(len(places))]
    _parent(config, place)[place[-1]] = copy.deepcopy(_parent(config, other)[other[-1]])
    return False


def _added(rng: np.random.Generator, config: Any, place: tuple[Any, ...]) -> bool:
    parent = _parent(config, place)
    if isinstance(parent, dict):
        keys = ("surprise", 1, None, True, "images", "folder", "methods", "a/b", "..", "a b", "", "steps", "protocol", "datasets")
        parent[keys[rng.integers(len(keys))]] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    else:
        parent.append(copy.deepcopy(VALUES[rng.integers(len(VALUES))]))
    return False


def _letters(rng: np.random.Generator, text: str) -> tuple[bytes, bool]:
    """Letters of the text taken away, doubled, or replaced."""
    letters = list(text)
    for place in rng.integers(0, len(letters), int(rng.integers(1, 6))):
        letters[place] = str(rng.choice(["", letters[place] * 2, *"{}[]:,&*!|>'\"%@`#-? \t\n0x"]))
    return "".join(letters).encode(), False


def _lines(rng: np.random.Generator, text: str) -> tuple[bytes, bool]:
    """A line taken away, doubled, or set in or out."""
    lines = text.splitlines()
    place = int(rng.integers(len(lines)))
    lines[place] = str(
        rng.choice(["", lines[place] + "\n" + lines[place], "  " + lines[place], lines[place].lstrip(), "\t" + lines[place]])
    )
    return "\n".join(lines).encode(), False


def _bytes(rng: np.random.Generator, text: str) -> tuple[bytes, bool]:
    content = bytearray(text.encode())
    for place in rng.integers(0, len(content), int(rng.integers(1, 9))):
        content[place] = int(rng.integers(256))
    return bytes(content), False


def _whole(rng: np.random.Generator, text: str) -> tuple[bytes, bool]:
    """A file that is something else altogether."""
    options = (b"", b"\0", b"[]", b"- a", b"12", b"null", b"&a [*a]", b"a: &a {b: *a}", b"<html>", b"\xff\xfe")
    options += (b"{" * 3000, b"a: " * 50, b"!!python/none x", b"clrface: &c\n  steps: *c\n", _laughs("tables"), _laughs("no_such_key"))
    return options[rng.integers(len(options))], False


def _laughs(key: str) -> bytes:
    """A billion entries, of a few anchors."""
    lines = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{" + ", ".join(f"k{k}: *a{n - 1}" for k in range(10)) + "}" for n in range(1, 10))]
    return "\n".join([*lines, f"{key}: *a9", ""]).encode()


MISTAKES: dict[str, Callable[[np.random.Generator, str], tuple[bytes, bool]]] = {
    "value": _in_tree(_value),
    "removed": _in_tree(_removed),
    "mistyped": _in_tree(_mistyped),
    "moved": _in_tree(_moved),
    "added": _in_tree(_added),
    "letters": _letters,
    "lines": _lines,
    "bytes": _bytes,
    "whole": _whole,
}
