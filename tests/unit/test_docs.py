"""The docs: every command in them exists with the options that it has there, every link leads somewhere, no prose line is too long."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from clrface.cli import cli
from clrface.fingerprint import ROOT

PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("models/*/README.md"), *ROOT.glob("contrib/*/README.md")])
SOURCES = [*PAGES, *ROOT.glob("docs/**/*.ipynb")]
FENCE = re.compile(r"^```(?:bash|sh|shell|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)]*))?\)")
WIDEST = 100
MADE = {ROOT / "docs" / page for page in re.findall(r'write\("([^"]+)"', (ROOT / "docs/_site/reference.py").read_text(encoding="utf-8"))}
"""Pages that `make docs` makes; it checks the links to them."""


def told(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(path: Path) -> Iterator[list[str]]:
    """The words of each command of a page's blocks."""
    for block in FENCE.findall(path.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            try:
                words = shlex.split(line, comments=True)
            except ValueError:  # no shell: a table or a listing
                continue
            while words:
                here = next((place for place, word in enumerate(words) if word in ("&&", "|", ";", ">")), len(words))
                command, words = words[:here], words[here + 1 :]
                yield [word for place, word in enumerate(command) if place or "=" not in word]


def checked(words: list[str]) -> None:
    """Raise what click finds wrong with a command of ours."""
    group: click.Command = cli
    context = None
    while isinstance(group, click.Group):
        name, _, rest = group.resolve_command(click.Context(group), words)
        group, words = group.commands[str(name)], rest
        context = click.Context(group, info_name=name)
    assert context is not None
    group.make_context(str(group.name), list(words))


@pytest.mark.parametrize("path", SOURCES, ids=told)
def test_every_command_exists_with_its_options(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(path):
        if words[:3] == ["python", "-m", "clrface"]:
            words = words[2:]
        if words[:1] == ["clrface"] and len(words) > 1 and words[1] not in ("--help", "--version", "COMMAND"):
            checked(words[1:])
        if words[:1] == ["make"]:
            asked = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
            assert set(asked) <= targets, words
        if words[:1] == ["snakemake"] and "--configfile" in words:
            given = words[words.index("--configfile") + 1]
            assert given == "mine.yaml" or not given.startswith("config/") or (ROOT / given).is_file(), words


def anchors(text: str) -> set[str]:
    """A heading's anchor, as GitHub and mkdocs make it."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=told)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        found = path.parent / target if target else path
        assert found.exists() or found.resolve() in MADE, target
        if anchor and found.suffix == ".md" and found.exists():
            assert anchor in anchors(found.read_text(encoding="utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=told)
def test_prose_has_short_lines(path: Path) -> None:
    """Tables, code, links' addresses and images may be longer."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"\]\([^)]*\)", "]", line) for line in text.splitlines() if not line.lstrip().startswith(("|", "!["))]
    assert [line for line in lines if len(line) > WIDEST and " " in line.strip()] == []


def test_each_figure_has_a_caption() -> None:
    captions = yaml.safe_load((ROOT / "docs/figures/captions.yaml").read_text(encoding="utf-8"))
    assert sorted(captions) == sorted(path.stem for path in (ROOT / "docs/figures").glob("*.png"))
