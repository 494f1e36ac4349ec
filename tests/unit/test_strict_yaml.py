"""YAML read strictly, and what Snakemake's command line loses put back."""

from pathlib import Path

import pytest

from clrface.config.load import load_config, run_config
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.strict_yaml import read_yaml, typed
from tests.unit.known_parts import mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{" * 3000, "nested too deeply"),
        ("[" * 900, "nested too deeply"),
        ("[" * 200_000, "nested too deeply"),
        ("- " * 100_000 + "a", "nested too deeply"),
        ("clrface: &c\n  steps: *c\n", "an anchor that holds itself"),
        ("a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)), "more than 100,000 entries"),
    ],
    ids=["deep", "many brackets", "a stack of brackets", "a stack of dashes", "itself", "a billion"],
)
def test_a_file_without_end_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"a\.yaml .*{said}"):
        read_yaml(path)


def test_a_doubled_key_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("tables:\n  table1: {}\n  table2: {}\n  table1: {methods: all}\n")
    with pytest.raises(UserError, match=r"(?s)a\.yaml is not valid YAML.*the key 'table1' stands here again \(first in line 2\).*line 4"):
        read_yaml(path)
    with pytest.raises(UserError, match="stands here again"):
        run_config([path], path)
    path.write_text("base: &base {a: 1}\none: {<<: *base, a: 2}\ntwo: {a: 3}\n")
    assert read_yaml(path) == {"base": {"a": 1}, "one": {"a": 2}, "two": {"a": 3}}


@pytest.mark.parametrize("path", [*ROOT.glob("config/*.yaml"), *ROOT.glob("baselines/external/*.yaml")], ids=lambda path: path.name)
def test_the_project_s_own_files_have_no_doubled_key(path: Path) -> None:
    read_yaml(path)


def test_nested_values_of_the_command_line_get_their_types() -> None:
    given = {"clrface": {"steps": "4", "guidance": "none"}, "tables": {"table1": "null"}, "seeds": ["0", "1"], "size": 96, "t": "~x: y"}
    assert typed(given) == {
        "clrface": {"steps": 4, "guidance": "none"},
        "tables": {"table1": None},
        "seeds": [0, 1],
        "size": 96,
        "t": "~x: y",
    }
    config = run_config([], ROOT / "config/embedded.yaml", {"clrface": {"steps": "3"}})
    assert (config["clrface"]["steps"], config["clrface"]["solver"], config["weights"]) == (3, "ddim", "shipped")


def test_a_bare_no_as_a_key_is_told_to_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("variants:\n  no: {clrface: {steps: 4}}\n  4: {clrface: {steps: 4}}\n")
    found = mistakes(load_config([ROOT / "config" / "embedded.yaml", tmp_path / "mine.yaml"]))
    assert len(found) == 2 and all("not a name" in line and "write the key in quotes" in line for line in found)
