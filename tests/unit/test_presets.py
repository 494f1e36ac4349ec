"""Presets: files that extend one another, and what is laid over them."""

from pathlib import Path

import pytest

from clrface.config.load import load_config, run_config
from clrface.errors import UserError
from clrface.fingerprint import ROOT

EMBEDDED = ROOT / "config/embedded.yaml"


def write(folder: Path, **files: str) -> list[Path]:
    """YAML files by name."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return [folder / f"{name}.yaml" for name in files]


def test_what_a_file_extends_comes_before_it_and_once(tmp_path: Path) -> None:
    base, one, two, both = write(
        tmp_path,
        base="a: {x: 1, y: 1}\nb: [1]",
        one="extends: base.yaml\na: {x: 2}",
        two="extends: base.yaml\na: {y: 3}",
        both="extends: [one.yaml, two.yaml]\nb: [2]",
    )
    assert load_config([one]) == {"a": {"x": 2, "y": 1}, "b": [1]}
    assert load_config([both]) == load_config([base, one, two, both]) == {"a": {"x": 2, "y": 3}, "b": [2]}


def test_files_without_a_preset_are_laid_over_the_default(tmp_path: Path) -> None:
    [mine, whole] = write(tmp_path, mine="seeds: [7]", whole="preset: whole\nseeds: [1]")
    assert run_config([mine], EMBEDDED) == run_config([], EMBEDDED) | {"seeds": [7]}
    assert run_config([whole, mine], EMBEDDED) == {"preset": "whole", "seeds": [7]}
    assert run_config([EMBEDDED, ROOT / "config/full.yaml"], EMBEDDED) == run_config([ROOT / "config/full.yaml"], EMBEDDED)


def test_every_shipped_preset_has_its_name() -> None:
    names = {path.stem: load_config([path]).get("preset") for path in (ROOT / "config").glob("*.yaml")}
    assert {name: preset for name, preset in names.items() if preset not in (name, "embedded")} == {
        "training": None,
        "paper_training": "paper",
    }


def test_the_default_preset_is_short() -> None:
    assert len(EMBEDDED.read_text().splitlines()) <= 80


def test_the_old_name_of_preset_is_read_with_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [old] = write(tmp_path, old="profile: mine\nseeds: [1]")
    assert load_config([old]) == {"preset": "mine", "seeds": [1]}
    assert "the key `profile` is called `preset` now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: 3", r"mine\.yaml: extends: found 3 \(integer\), expected a file beside it, or a list of such files"),
        ("extends: other.yaml", r"Can't read the config .*other\.yaml, which mine\.yaml extends \(No such file"),
        ("extends: mine.yaml", r"mine\.yaml extends itself"),
    ],
)
def test_a_wrong_extends_is_told(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        load_config(write(tmp_path, mine=text))
