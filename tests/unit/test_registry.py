"""Methods by name: cards are read without running anything, and a bad card or parameter is answered in plain words."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clrface import registry
from clrface.api import MethodCard
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.registry import make_method, method_card, method_cards, method_code, method_module
from clrface.weights import digest, local_folder, weights_folder

GOOD = 'CARD = {"name": "mine", "label": "Mine", "stochastic": False}\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Restorer: ...\n", r"mine\.py has no CARD.*docs/how-to/add-a-method\.md"),
        ('CARD = dict(name="mine", label="Mine", stochastic=False)\n', r"mine\.py must be literals: no calls, no names"),
        ('CARD = {"name": "mine", "label": NAME, "stochastic": False}\n', r"mine\.py must be literals: no calls, no names"),
        ('CARD = ["mine"]\n', r"mine\.py must be a literal dict"),
        ('CARD = {"name": "mine"}\n', r"mine\.py lacks 'label', 'stochastic'\. Add it"),
        (GOOD.replace("}", ', "licens": "MIT"}'), r"Unknown key of CARD in .*mine\.py: 'licens'\. Did you mean 'licence'\?"),
        (GOOD.replace('"mine"', '"other"'), r"has the name 'other', but the file's name says 'mine'"),
        (
            GOOD.replace("}", ', "params": {"steps": 3}, "accepts": {"step": {"type": "integer"}}}'),
            r"Unknown parameter in `accepts` of CARD in .*mine\.py: 'step'\. Did you mean 'steps'\?",
        ),
        (GOOD + "def restore(:\n", r"mine\.py is not valid Python \(.*line 2\)"),
    ],
)
def test_a_bad_card_is_named_with_what_is_wrong(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(UserError, match=message):
        method_cards(tmp_path)


def test_a_card_is_read_with_its_defaults_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "also.py").write_text(GOOD.replace('"mine"', '"also"').replace("}", ', "params": {"steps": 3}}'))
    cards = method_cards(tmp_path)
    assert list(cards) == ["also", "mine"] and cards["also"].params == {"steps": 3}
    assert cards["mine"] == MethodCard(name="mine", label="Mine", stochastic=False)


def test_a_file_may_have_several_methods(tmp_path: Path) -> None:
    shared = 'SHARED = {"label": "Any", "stochastic": False, "params": {"half": False}}\n'
    (tmp_path / "family.py").write_text(shared + 'CARDS = ({"name": "one"}, {"name": "two", "label": "Two", "class_name": "Second"})\n')
    cards = method_cards(tmp_path)
    assert [(card.name, card.label, card.class_name) for card in cards.values()] == [("one", "Any", "Restorer"), ("two", "Two", "Second")]
    (tmp_path / "one.py").write_text(GOOD.replace('"mine"', '"one"'))
    with pytest.raises(UserError, match=r"Two methods are called 'one': in .*family\.py and in .*one\.py"):
        method_cards(tmp_path)


def test_a_version_of_gfpgan_changes_with_its_own_card_alone() -> None:
    made = {name: make_method(name, {"half": True}) for name in ("gfpgan_1_2", "gfpgan_1_4")}
    assert {name: type(method).__name__ for name, method in made.items()} == {"gfpgan_1_2": "Version12", "gfpgan_1_4": "Version14"}
    assert method_module("gfpgan_1_4") == "clrface.baselines.gfpgan:gfpgan_1_4"
    assert method_code("gfpgan_1_2") != method_code("gfpgan_1_4")
    with pytest.raises(UserError, match="Did you mean 'gfpgan_1_4'"):
        method_module("gfpgan_1_5x4")


def test_reading_cards_runs_no_method(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD + "raise SystemExit('this module was run')\n")
    code = (
        "import json, sys; from pathlib import Path; from clrface.registry import method_cards;"
        "names = [*method_cards(), *method_cards(Path(sys.argv[1]))]; print(json.dumps([names, sorted(sys.modules)]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    names, modules = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert {"clrface", "input", "mine"} <= set(names)
    assert "torch" not in modules and not [name for name in modules if name.startswith("clrface.baselines")]


def test_wrong_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown method 'clrfaces'\. Did you mean 'clrface'\?"):
        method_card("clrfaces")
    with pytest.raises(UserError, match=r"Unknown parameter of method 'clrface': 'step'\. Did you mean 'steps'\?"):
        make_method("clrface", {"step": 3})


# ---- where weights lie


def network(folder: Path, content: str = "{}") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(content)
    return folder


def test_weights_are_found_in_a_folder_of_methods_and_in_a_method_s_own(tmp_path: Path) -> None:
    network(tmp_path / "models" / "unet" / "unet")
    network(tmp_path / "models" / "clrface" / "prior")
    for given in ("models", "models/unet"):
        assert weights_folder(str(tmp_path / given), "unet") == tmp_path / "models" / "unet"
    assert weights_folder(str(tmp_path / "models"), "clrface") == tmp_path / "models" / "clrface"
    assert local_folder("shipped", "unet") == Path("models/unet")
    assert local_folder("fit", "unet") == Path("results/train/unet")
    assert local_folder("someone/faces", "unet") is None


def test_missing_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for weights, method in (("shipped", "no_such_method"), ("fit", "unet")):
        with pytest.raises(UserError, match=rf"No weights of '{method}' at .*{method}.*Set `weights: shipped`"):
            weights_folder(weights, method)


def test_a_clone_s_weights_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert weights_folder("shipped", "unet") == ROOT / "models" / "unet"
    monkeypatch.chdir(ROOT)
    assert weights_folder("shipped", "unet") == Path("models/unet"), "no job has a machine's path"


def test_a_digest_follows_weights_and_shapes_but_not_the_model_card(tmp_path: Path) -> None:
    folder = network(tmp_path / "prior")
    before = digest(tmp_path)
    (tmp_path / "README.md").write_text("A model card.")
    assert digest(tmp_path) == before and list(before) == ["prior/config.json"]
    (folder / "weights.safetensors").write_bytes(b"0")
    (folder / "config.json").write_text("[]")
    after = digest(tmp_path)
    assert sorted(after) == ["prior/config.json", "prior/weights.safetensors"] and after["prior/config.json"] != before["prior/config.json"]


def test_a_card_s_missing_class_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    misnamed = replace(method_card("wiener"), class_name="Restoror")
    monkeypatch.setattr(registry, "method_card", lambda name: misnamed)
    with pytest.raises(UserError, match=r"Unknown class of the card 'wiener' in .*wiener\.py: 'Restoror'\. Did you mean 'Restorer'\?"):
        make_method("wiener", {})
