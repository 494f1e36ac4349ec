"""Find methods by name.

A method is a file `clrface/baselines/<name>.py`, or one of another package, with a literal `CARD`
and a class `Restorer`. A file with several methods has `CARDS`. Each of these overrides the values
of `SHARED` and names its class by `class_name`.

Another package adds methods by entry points of the group `clrface.restorers`: the name is the
method's, the value its module. Cards are read without importing the modules, so that the workflow
can read them while it builds its graph.
"""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from clrface.api import MethodCard, Restorer
from clrface.cards.literals import assigned, check_card, module_of
from clrface.cards.plug_ins import package_of, plug_in_file
from clrface.errors import UserError, unknown_name
from clrface.external import FOLDER as EXTERNAL
from clrface.external import external_path, read_external
from clrface.fingerprint import ROOT, fingerprint
from clrface.renamed import METHODS

FOLDER = ROOT / "clrface" / "baselines"
GROUP = "clrface.restorers"


def method_cards(folder: Path = FOLDER) -> dict[str, MethodCard]:
    """Return every method's card by name, sorted. A part has its method's parameters beside its
    own.

    Raises: UserError for a file whose card is missing or wrong, and for two methods of one name.
    """
    cards = {name: card for name, (_, card) in _cards(folder).items()}
    if folder == FOLDER:
        external = {path.stem: read_external(path).as_method() for path in sorted(EXTERNAL.glob("*.yaml"))}
        if both := sorted(cards.keys() & external.keys()):
            raise UserError(f"Two methods are called '{both[0]}': {external_path(both[0])} and one with code. Rename one of them.")
        cards |= external
    wholes = {name: cards[card.part_of] for name, card in cards.items() if card.part_of in cards}
    return cards | {name: _with_whole(cards[name], whole) for name, whole in wholes.items()}


def _with_whole(part: MethodCard, whole: MethodCard) -> MethodCard:
    return replace(part, params=whole.params | part.params, accepts=whole.accepts | part.accepts)


def method_card(name: str) -> MethodCard:
    """Return one method's card. Raises: UserError for an unknown name, with the nearest one."""
    cards = method_cards()
    name = METHODS.among(name, cards)
    if name not in cards:
        raise unknown_name("method", name, cards)
    return cards[name]


def method_module(name: str) -> str:
    """Return the module that holds a method, followed by `:name` where it holds several.

    Raises: UserError for an unknown name, with the nearest one.
    """
    plug_ins = {point.name: point.value for point in entry_points(group=GROUP)}
    if name in plug_ins:
        return plug_ins[name]
    if (FOLDER / f"{name}.py").is_file():
        return f"clrface.baselines.{name}"
    cards = _cards(FOLDER)
    if name not in cards:
        raise unknown_name("method", name, cards)
    return f"clrface.baselines.{cards[name][0].stem}:{name}"


def method_code(name: str) -> str:
    """Return text that changes with the code that a method's images come from.

    For a method of another package: with its module and the package's version. For an external
    program: with its card, which names the commit.
    """
    if external_path(name).is_file():
        return fingerprint("clrface.restoration.external") + hashlib.sha256(external_path(name).read_bytes()).hexdigest()[:16]
    plug_in = next((point for point in entry_points(group=GROUP) if point.name == name), None)
    if plug_in is None:
        return fingerprint("clrface.restoration.chunk", method_module(name))
    version = plug_in.dist.version if plug_in.dist else ""
    return hashlib.sha256(
        fingerprint("clrface.restoration.chunk").encode() + version.encode() + plug_in_file(plug_in, f"its method '{name}'").read_bytes()
    ).hexdigest()[:16]


def make_method(name: str, params: dict[str, Any]) -> Restorer:
    """Make a method that is not loaded yet.

    Raises: UserError for a parameter that its card doesn't name.
    """
    card = method_card(name)
    for key in params:
        if key not in card.params:
            raise unknown_name(f"parameter of method '{card.name}':", key, card.params)
    from clrface.torchvision_import import prepare  # here, since cards are read without torch

    prepare()  # a method's file may import diffusers or torchvision before anything of ours
    module = import_module(method_module(card.name).partition(":")[0])
    kind = getattr(module, card.class_name, None)
    if kind is None:
        defined = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise unknown_name(f"class of the card '{card.name}' in {module.__file__}:", card.class_name, defined)
    return kind(**{**card.params, **params})


def _cards(folder: Path) -> dict[str, tuple[Path, MethodCard]]:
    """Return the file and the card of every method, sorted by name."""
    found: dict[str, tuple[Path, MethodCard]] = {}
    for path in sorted(path for path in folder.glob("*.py") if path.stem != "__init__"):
        for card in _cards_in(path, path.stem, "file's name"):
            if card.name in found:
                raise UserError(f"Two methods are called '{card.name}': in {found[card.name][0]} and in {path}. Rename one of them.")
            found[card.name] = path, card
    plug_ins = _plug_ins(entry_points(group=GROUP), found) if folder == FOLDER else {}
    return dict(sorted((found | plug_ins).items()))


def _plug_ins(points: Iterable[EntryPoint], own: Mapping[str, tuple[Path, MethodCard]]) -> dict[str, tuple[Path, MethodCard]]:
    found: dict[str, tuple[Path, MethodCard]] = {}
    for point in points:
        if point.name in own or point.name in found:
            raise UserError(
                f"The package {package_of(point)} adds a method '{point.name}' (entry point {GROUP}), but there is one of this name: "
                f"{({**own, **found})[point.name][0]}. Rename one of them, or uninstall the package."
            )
        path = plug_in_file(point, f"its method '{point.name}'")
        cards = {card.name: card for card in _cards_in(path, point.name, "entry point's name")}
        if point.name not in cards:
            raise UserError(f"{path} has no card of the name '{point.name}', which the entry point says. It has {', '.join(cards)}.")
        found[point.name] = path, cards[point.name]
    return found


def _cards_in(path: Path, name: str, said: str) -> list[MethodCard]:
    """Return the cards of a file: its `CARD`, or its `CARDS`, each with the values of `SHARED`.

    Args:
        name: the name that `CARD` must have.
        said: where `name` comes from, for the message.
    """
    module = module_of(path)
    if (node := assigned(module, "CARD")) is not None:
        card = _card(path, "CARD", _literal(path, "CARD", node))
        if card.name != name:
            raise UserError(f"CARD in {path} has the name '{card.name}', but the {said} says '{name}'. Make them the same.")
        return [card]
    if (node := assigned(module, "CARDS")) is not None:
        several, shared = _literal(path, "CARDS", node), assigned(module, "SHARED")
        common = _literal(path, "SHARED", shared) if shared is not None else {}
        return [_card(path, "CARDS", {**common, **one}) for one in several]
    raise UserError(f"{path} has no CARD. A method's file starts with one: see docs/how-to/add-a-method.md.")


def _literal(path: Path, what: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise UserError(f"{what} in {path} must be literals: no calls, no names ({error}). See docs/how-to/add-a-method.md.") from error


def _card(path: Path, what: str, fields: Any) -> MethodCard:
    if not isinstance(fields, dict):
        raise UserError(f"{what} in {path} must be a literal dict with the fields of clrface.api.MethodCard. Correct it.")
    where = f"{what} in {path}"
    check_card(cast(dict[str, Any], fields), (MethodCard,), where)
    card = MethodCard(**fields)
    if unknown := sorted(card.accepts.keys() - card.params.keys()):
        raise unknown_name(f"parameter in `accepts` of {what} in {path}:", unknown[0], card.params)
    return card
