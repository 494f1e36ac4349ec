"""The docs: every command in them exists with the options that it has there, every link leads somewhere, no prose line is too long."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from clrface.cli import cli
from clrface.fingerprint import ROOT
from tests.pages import COMMANDS, FENCE, NOTEBOOKS, PAGES, SESSION, blocks, prose, told

LANGUAGES = {COMMANDS, SESSION, "python", "yaml", "toml", "text", "mermaid"}
PROGRAMS = "clrface|snakemake|python|make|pip|dvc|pytest|git|kubectl"
INDENTED = re.compile(rf"^(?: {{4,}}|\t)(?:\$ )?(?:{PROGRAMS}) ", re.M)
"""A command in a block without a fence."""
TYPED = re.compile(rf"^ *(?:\$ )?(?:{PROGRAMS}) (?!\S+: )", re.M)
"""A command in a block of text, where a program's message may stand too: `clrface fetch: Can't get ...`."""
NAMED = re.compile(rf"`((?:{PROGRAMS})\s[^`]+)`")
"""A command in a sentence."""
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)]*))?\)")
WIDEST = 100
TARGETS = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
MADE = {ROOT / "docs" / page for page in re.findall(r'write\("([^"]+)"', (ROOT / "docs/_site/reference.py").read_text(encoding="utf-8"))}
"""Pages that `make docs` makes; it checks the links to them."""


def commands(path: Path) -> Iterator[list[str]]:
    """The words of each command of a page's blocks."""
    for line in (line for block in blocks(path) for line in block.commands):
        words = shlex.split(line.splitlines()[0])
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


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=told)
def test_every_command_exists_with_its_options(path: Path) -> None:
    for words in commands(path):
        if words[:3] == ["python", "-m", "clrface"]:
            words = words[2:]
        if words[:1] == ["clrface"] and len(words) > 1 and words[1] not in ("--help", "--version", "COMMAND"):
            checked(words[1:])
        if words[:1] == ["make"]:
            asked = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
            assert set(asked) <= TARGETS, words
        if words[:1] == ["snakemake"] and "--configfile" in words:
            given = words[words.index("--configfile") + 1]
            assert given == "mine.yaml" or not given.startswith("config/") or (ROOT / given).is_file(), words


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=told)
def test_a_command_in_a_sentence_exists(path: Path) -> None:
    """A sentence may leave out a command's arguments, so it isn't run. Its name, options and files must be right."""
    for words in map(shlex.split, NAMED.findall(FENCE.sub("", prose(path)))):
        if words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]), words
            words = words[2:]
        if words[0] == "clrface" and "COMMAND" not in " ".join(words):
            assert {word for word in words[1:] if word.startswith("--")} <= options(words[1:]), words
        if words[0] == "make":
            assert words[1] in TARGETS, words
        files = [word.split(":")[0] for word in words[1:] if word.startswith(("config/", "benchmarks/", "tests/"))]
        assert all((ROOT / name).exists() for name in files), words


def options(words: list[str]) -> set[str]:
    """The options of one of our commands, whose name is the first of the words."""
    found: click.Command = cli
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        found, words = found.commands[words[0].split("|")[0]], words[1:]
    return {name for parameter in found.get_params(click.Context(found)) for name in parameter.opts}


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=told)
def test_every_block_says_its_language(path: Path) -> None:
    """So that none with commands is left out of what tests/runs/test_pages.py runs."""
    assert {block.language for block in blocks(path)} <= LANGUAGES
    outside = FENCE.sub("", prose(path))
    assert "```" not in outside and "~~~" not in outside, "a fence that is not closed, or with more than a language and a title"
    assert INDENTED.findall(outside) == [], "a command in a block without a fence"
    assert [block.line for block in blocks(path) if block.language == "text" and TYPED.search(block.text)] == [], "commands in a text"


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
