"""Docstrings tell a caller the shapes of arrays, every argument of the public API, and the errors that are raised."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import clrface
from clrface.fingerprint import ROOT

FILES = [path for path in sorted((ROOT / "clrface").rglob("*.py")) if ROOT / "clrface" / "cli" not in path.parents]
"""All but the command line, whose docstrings are its help."""
API = [name for name, module in clrface._PUBLIC.items() if module == "clrface.public"]
ARRAY = re.compile(r"['\"]?(np\.ndarray|torch\.Tensor|Tensor)( \| None)?['\"]?")
SHAPE = re.compile(r"\((?:\d+|\.\.\.|[A-Z]'?|[a-z](?:_\w+)?|codes|faces|images|seeds|size)(?:,| \*)[^()]*\)")
"""A shape, such as (B, 3, H, W), (n,) or (size, size, 3)."""
RANGE = re.compile(r"in \[-?\d, \d+\]|uint8|int64")
MADE_BY = {"unknown_name": "UserError", "explain_os_error": "UserError", "_pip_failure": "Failed", "_npm_failure": "Failed"}
"""Functions that make an error, and its class."""
ABSTRACT = "NotImplementedError"


class Function(NamedTuple):
    """A public function or method, with its class, if any."""

    path: Path
    node: ast.FunctionDef
    owner: ast.ClassDef | None

    @property
    def name(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.node.lineno} {self.node.name}"

    @property
    def doc(self) -> str:
        """Its docstring, and its class's: that one speaks for what makes an object and fulfils a contract."""
        return " ".join(filter(None, [ast.get_docstring(self.node), self.owner and ast.get_docstring(self.owner)]))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield Function(path, node, None)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and (not member.name.startswith("_") or member.name.startswith("__")):
                    yield Function(path, member, node)


def raised(function: ast.FunctionDef) -> set[str]:
    """The classes of errors that the function's own body raises and doesn't catch again."""
    found, pending = set(), list[ast.AST](function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Try) and any(
            ast.unparse(handler.type or ast.Name("Exception")) == "Exception" for handler in node.handlers
        ):
            pending += [*node.handlers, *node.orelse, *node.finalbody]
            continue
        if isinstance(node, ast.With) and any(ast.unparse(item.context_expr).startswith("reading(") for item in node.items):
            found.add("UserError")  # clrface.errors.reading: what the body raises becomes one
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            found.add(MADE_BY.get(name, name))
        pending += ast.iter_child_nodes(node)
    return found - {ABSTRACT}


def takes_array(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return any(ARRAY.fullmatch(ast.unparse(one.annotation)) for one in arguments if one.annotation)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_that_raises_says_so(path: Path) -> None:
    silent = [
        (one.name, sorted(wrong)) for one in functions(path) if (wrong := {error for error in raised(one.node) if error not in one.doc})
    ]
    assert silent == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_of_arrays_names_a_shape(path: Path) -> None:
    """Methods without a docstring fulfil a contract that is described elsewhere: clrface.api, or an abstract class."""
    described = [one for one in functions(path) if takes_array(one.node) and ast.get_docstring(one.node)]
    assert [one.name for one in described if not SHAPE.search(one.doc)] == []


@pytest.mark.parametrize("name", API)
def test_the_public_api_describes_every_argument(name: str) -> None:
    function = getattr(clrface, name)
    doc, signature = inspect.getdoc(function) or "", inspect.signature(function)
    head, _, rest = doc.partition("Args:\n")
    entries = dict.fromkeys(signature.parameters, "")
    for names, text in re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*): ((?:.*\n?)(?:^ {8}.*\n?)*)", rest, re.MULTILINE):
        entries |= dict.fromkeys(names.split(", "), text)
    assert [one for one, text in entries.items() if not text.strip()] == []
    arrays = [one for one, parameter in signature.parameters.items() if ARRAY.fullmatch(str(parameter.annotation))]
    assert [one for one in arrays if not (SHAPE.search(entries[one]) and RANGE.search(entries[one]))] == []
    assert head.startswith("Return ") or "Returns: " in rest
    assert "Raises: " in doc or name == "list_protocols"  # it reads a file of the package
