"""The pages as a reader takes them: their fenced blocks, the commands in these, and the files that they print."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from clrface.fingerprint import ROOT

PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("models/*/README.md"), *ROOT.glob("contrib/*/README.md")])
NOTEBOOKS = sorted(ROOT.glob("docs/**/*.ipynb"))
COMMANDS, SESSION = "bash", "console"
"""The languages of blocks to run: commands alone, and a session with what it printed, whose commands follow `$ `."""
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
HERE = re.compile(r"<<'(\w+)'$")
COMMENT = re.compile(r"(?:^|\s+)#\s.*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: what is in it, in which language, and, if it is a file, that file's name."""

    line: int
    language: str
    title: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its commands, one line each but for a here-document, without comments."""
        if self.language == SESSION:
            lines = [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        else:
            lines = re.sub(r"\\\n\s*", "", self.text).splitlines() if self.language == COMMANDS else []
        return [command for command in _whole(lines) if command]


def _whole(lines: list[str]) -> list[str]:
    """The lines without comments; a here-document and its command are one."""
    commands, rest = [], iter(lines)
    for line in rest:
        command = COMMENT.sub("", line)
        if end := HERE.search(command):
            document = []
            while not document or document[-1] != end[1]:
                document.append(next(rest))
            command = "\n".join([command, *document])
        commands.append(command)
    return commands


def prose(path: Path) -> str:
    """A page's text; of a notebook, that of its cells of text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")


def blocks(path: Path) -> list[Block]:
    """A page's blocks from its top to its end. A notebook's cells of code are none: tests/unit/test_tutorials.py runs them."""
    text = prose(path)
    return [
        Block(text.count("\n", 0, found.start()) + 1, found["language"], found["title"] or "", dedent(found["text"]))
        for found in FENCE.finditer(text)
    ]


def told(path: Path) -> str:
    """A page's name."""
    return path.relative_to(ROOT).as_posix()
