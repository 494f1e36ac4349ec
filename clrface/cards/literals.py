"""Read the literals at the top of a module without importing it, and check their fields.

A wrong key, a wrong choice and a missing field are UserErrors. They name the file, the key and the
nearest right name.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from clrface.errors import UserError, unknown_name


def module_of(path: Path) -> ast.Module:
    """Return a file's syntax tree. Raises: UserError for a file that is not valid Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        raise UserError(f"{path} is not valid Python ({error.msg}, line {error.lineno}). Correct it.") from error


def assigned(module: ast.Module, name: str) -> ast.expr | None:
    """Return what the module assigns to `name` at its top level; None where it doesn't."""
    for node in module.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            return node.value
    return None


def misspelt(module: ast.Module, name: str) -> str | None:
    """Return a top-level name so near to `name` that it must stand for it, such as `CARD` for
    `CARDS`; None if there is none.
    """
    names = [ast.unparse(target) for node in module.body if isinstance(node, ast.Assign) for target in node.targets]
    return next(iter(get_close_matches(name, [other for other in names if other != name], n=1, cutoff=0.8)), None)


def classes(module: ast.Module) -> set[str]:
    """Return the names that may be a class: those that the module defines as one, and those that it
    imports from another.
    """
    defined = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    imports = (node for node in module.body if isinstance(node, ast.ImportFrom))
    return defined | {alias.asname or alias.name for node in imports for alias in node.names}


def check_card(card: Mapping[str, Any], kinds: Collection[type], where: str) -> None:
    """Check a card's keys and values against the fields of the dataclasses `kinds`.

    Args:
        where: what the messages call the card, e.g. `the card 'psnr' in clrface/metrics/psnr.py`.

    Raises: UserError for a key that is no field, a field without default that is missing, and a
    value of another type.
    """
    hints = {name: hint for kind in kinds for name, hint in get_type_hints(kind).items()}
    for key in card:
        if key not in hints:
            raise unknown_name(f"key of {where}:", str(key), hints)
    needed = [one.name for kind in kinds for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    if lacking := [name for name in needed if name not in card]:
        raise UserError(f"{where[0].upper()}{where[1:]} lacks {', '.join(repr(name) for name in lacking)}. Add it.")
    for key, value in card.items():
        _check_value(value, hints[key], f"{key} of {where}:")


def _check_value(value: object, hint: Any, where: str) -> None:
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices and value not in choices:
        raise unknown_name(where, str(value), map(str, choices))
    if not choices and not _fits(value, hint):
        raise UserError(f"The {where} found {value!r}, expected {getattr(hint, '__name__', hint)}. Correct it.")


def _fits(value: object, hint: Any) -> bool:
    """Whether a literal is of a field's type; a list may stand for a tuple, and a whole number for
    a number.
    """
    kind = get_origin(hint) or hint
    if kind is UnionType:
        return any(_fits(value, one) for one in get_args(hint))
    if kind is tuple:
        return isinstance(value, tuple | list) and all(_fits(one, get_args(hint)[0]) for one in cast(Sequence[object], value))
    if kind is NoneType:
        return value is None
    allowed: tuple[type, ...] = (int, float) if kind is float else (kind,)
    return isinstance(value, allowed) and (kind is bool or not isinstance(value, bool))
