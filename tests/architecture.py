"""The drawing in docs/explanation/architecture.md, made from the imports: each room, and the rooms that it imports.

python -m tests.architecture          # after a change that is meant; `make lint` holds the order, a test holds the drawing
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import grimp

from clrface.fingerprint import ROOT

PAGE = ROOT / "docs" / "explanation" / "architecture.md"
BEGIN, END = "<!-- drawn by python -m tests.architecture -->", "<!-- end of the drawing -->"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
ROOMS = [[room.strip().removeprefix("clrface.") for room in layer.split("|")] for layer in SETTINGS["contracts"][0]["layers"]]
"""The layers of the contract, from the top."""


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports, directly."""
    graph = grimp.build_graph("clrface", cache_dir=None)
    known = {room for layer in ROOMS for room in layer}
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            start, end = _room(module), _room(other)
            if start != end and {start, end} <= known:
                found[start].add(end)
    return found


def _room(module: str) -> str:
    return [*module.split("."), ""][1]


def drawing() -> str:
    """A mermaid graph. Arrows that follow from others are left out."""
    found = imports()
    lines = [f"    {room}" for layer in ROOMS for room in layer]
    lines += [f"    {room} --> {other}" for layer in ROOMS for room in layer for other in sorted(_direct(room, found))]
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


def _direct(room: str, found: dict[str, set[str]]) -> set[str]:
    """What a room imports, less what it reaches through another import of its own."""
    return {other for other in found[room] if not any(other in _reached(between, found) for between in found[room] - {other})}


def _reached(room: str, found: dict[str, set[str]]) -> set[str]:
    return set().union(found[room], *(_reached(other, found) for other in found[room]))


def drawn(page: str) -> str:
    """The page with the drawing as it is now."""
    return re.sub(f"(?<={re.escape(BEGIN)}\n).*?(?=\n{re.escape(END)})", lambda _: drawing(), page, flags=re.DOTALL)


def main() -> None:
    """Bring the page up to date; print whether it changed."""
    before = PAGE.read_text(encoding="utf-8")
    after = drawn(before)
    Path(PAGE).write_text(after, encoding="utf-8")
    print("The drawing changed." if after != before else "The drawing is up to date.", file=sys.stderr)


if __name__ == "__main__":
    main()
