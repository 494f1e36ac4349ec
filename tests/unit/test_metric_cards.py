"""Cards of metrics: a good family is read without importing it, a bad one is told with its file, its key and the nearest right name."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from clrface.errors import UserError
from clrface.metrics.registry import FOLDER, metric_cards, read_families
from clrface.public import create_metric
from clrface.tables.table import table_from_json

CARD = {
    "id": "mine",
    "label": "Mine",
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 2,
    "definition": "A test.",
    "citation": "test",
    "class_name": "Mine",
}
CLASS = "\n\nclass Mine: ...\n"


def written(folder: Path, *cards: object, name: str = "mine", variable: str = "CARDS", rest: str = CLASS) -> Path:
    (folder / f"{name}.py").write_text(f"raise RuntimeError('imported')\n{variable} = {cards!r}{rest}")
    return folder


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in CARD.items() if name != key}


def test_a_family_is_read_without_importing_it(tmp_path: Path) -> None:
    twin = CARD | {"id": "twin", "params": {"far": 0.1}, "perfect": 1, "assets": ["dlib"]}
    found = read_families(written(tmp_path, CARD, twin))
    assert list(found) == ["mine", "twin"]
    assert found["twin"].code.params == {"far": 0.1} and found["twin"].card.assets == ("dlib",)
    assert found["mine"].module == "clrface.metrics.mine"


def test_shared_keys_lie_under_each_card_s_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"SHARED = {without('id')!r}\nCARDS = ({{'id': 'a'}}, {{'id': 'b', 'unit': 'px'}}){CLASS}")
    assert [found.card.unit for found in read_families(tmp_path).values()] == ["", "px"]


def test_a_module_without_cards_is_no_family(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("LIMIT = 3\n")
    assert read_families(tmp_path) == {}


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ([CARD | {"lable": "x"}], r"key of the card 'mine' in .*mine\.py: 'lable'\. Did you mean 'label'\?"),
        ([without("unit")], r"The card 'mine' in .*mine\.py lacks 'unit'"),
        ([CARD | {"direction": "hihger"}], r"direction of the card 'mine' in .*mine\.py: 'hihger'\. Did you mean 'higher'\?"),
        ([CARD | {"decimals": "two"}], r"decimals of the card 'mine' in .*mine\.py: found 'two', expected int"),
        ([CARD | {"needs_reference": 1}], r"needs_reference of the card 'mine'.*found 1, expected bool"),
        ([CARD | {"assets": "dlib"}], r"assets of the card 'mine'.*found 'dlib', expected"),
        ([CARD | {"class_name": "Mien"}], r"class of the card 'mine' in .*mine\.py: 'Mien'\. Did you mean 'Mine'\?"),
        ([CARD | {"network": "dlib_recognizer"}], r"network of the card 'mine'.*'dlib_recognizer'\. Did you mean 'dlib_recogniser'\?"),
        ([CARD, CARD], r"Two metrics have the id 'mine': one in .*mine\.py, one in .*mine\.py"),
        (["mine"], r"CARDS in .*mine\.py must be a tuple of literal dicts"),
        ([], r"CARDS in .*mine\.py must be a tuple of literal dicts"),
    ],
)
def test_a_bad_card_is_told(cards: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read_families(written(tmp_path, *cards))


def test_two_files_with_one_id_are_both_named(tmp_path: Path) -> None:
    written(tmp_path, CARD, name="first")
    with pytest.raises(UserError, match=r"the id 'mine': one in .*first\.py, one in .*second\.py"):
        read_families(written(tmp_path, CARD, name="second"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CARD = {}\n", r"mine\.py has CARD, but no CARDS"),
        ("CARDS = (dict(id='mine'),)\n", r"CARDS in .*mine\.py must be literals"),
        ("CARDS = (\n", r"mine\.py is not valid Python"),
    ],
)
def test_a_file_that_is_no_family_is_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError, match=message):
        read_families(tmp_path)


def test_a_metric_is_one_card_and_one_class() -> None:
    """Every family here names a class of its own file, and no card repeats another's."""
    found = read_families(FOLDER)
    told = [(one.module, one.code.class_name, repr(one.code.params), one.code.network, one.card) for one in found.values()]
    assert len(found) == len({repr(entry) for entry in told})


def test_a_metric_of_recognition_is_not_made_by_itself() -> None:
    gallery = [name for name, card in metric_cards().items() if card.against == "gallery"]
    assert len(gallery) > 10
    for name in gallery:
        with pytest.raises(UserError, match=f"'{name}' compares with a gallery of people"):
            create_metric(name)


def test_a_table_of_the_old_form_is_read() -> None:
    """Metric cards named two keys otherwise and had no definition."""
    card = {key: value for key, value in asdict(metric_cards()["lpips_vgg"]).items() if key != "definition"}
    old = {**card, "source": card.pop("citation"), "sources": list(card.pop("assets"))}
    del old["citation"], old["assets"]
    content = {"table": "t", "protocol": "p", "resolution": 64, "bootstrap": 10, "metrics": [old], "rows": []}
    [found] = table_from_json(content).metrics
    assert found == replace(metric_cards()["lpips_vgg"], definition="")
