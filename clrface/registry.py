"""Methods by name: a method is a file `baselines/<name>.py` with a literal `CARD` and a class `Restorer`.

Cards are read without importing anything, so the workflow can ask for them while it builds its graph.
"""

import ast
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from clrface.api import MethodCard, Restorer
from clrface.errors import UserError, unknown_name
from clrface.fingerprint import ROOT

FOLDER = ROOT / "baselines"


def method_cards(folder: Path = FOLDER) -> dict[str, MethodCard]:
    """Every method's card by name, sorted; a part has its method's parameters beside its own.

    Raises: UserError for a file whose card is missing or wrong.
    """
    cards = {path.stem: _card(path) for path in sorted(folder.glob("*.py")) if path.stem != "__init__"}
    wholes = {name: cards[card.part_of] for name, card in cards.items() if card.part_of in cards}
    return cards | {name: replace(cards[name], params=whole.params | cards[name].params) for name, whole in wholes.items()}


def method_card(name: str) -> MethodCard:
    """One method's card. Raises: UserError for an unknown name, with the nearest one."""
    cards = method_cards()
    if name not in cards:
        raise unknown_name("method", name, cards)
    return cards[name]


def method_module(name: str) -> str:
    """The module that holds a method."""
    return f"baselines.{name}"


def make_method(name: str, params: dict[str, Any]) -> Restorer:
    """A method that is not loaded yet. Raises: UserError for a parameter that its card doesn't name."""
    card = method_card(name)
    for key in params:
        if key not in card.params:
            raise unknown_name(f"parameter of method '{name}'", key, card.params)
    return import_module(method_module(name)).Restorer(**{**card.params, **params})


def _card(path: Path) -> MethodCard:
    try:
        body = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    except SyntaxError as error:
        raise UserError(f"{path} is not valid Python ({error.msg}, line {error.lineno}). Correct it.") from error
    for node in body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CARD"]:
            return _checked(path, node.value)
    raise UserError(f"{path} has no CARD. A method's file starts with one: see docs/adding-a-method.md.")


def _checked(path: Path, node: ast.expr) -> MethodCard:
    try:
        card = MethodCard(**ast.literal_eval(node))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"CARD in {path} must be a literal dict with the fields of clrface.api.MethodCard ({error}). Correct it."
        ) from error
    if card.name != path.stem:
        raise UserError(f"CARD in {path} has the name '{card.name}', but the file's name says '{path.stem}'. Make them the same.")
    return card
