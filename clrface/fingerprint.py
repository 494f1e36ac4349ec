"""A checksum of the code that a step runs: touching a file changes nothing; an edit reruns what
uses it.

Snakemake doesn't see the modules that a command imports. Rules put this fingerprint among their
`params`, so that an edit is a changed parameter. It covers the named modules and the modules of
this project that they import, directly or not. Comments and docstrings count, since a wrong
"unchanged" costs more than a rerun.

`CARDS`, the literals of a family of metrics or methods, don't count with their module: `module:id`
adds one card.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "clrface"
CARDS = "CARDS"


def fingerprint(*modules: str) -> str:
    """Return 16 hexadecimal digits over the sources of `modules` and of their imports.

    Imports are followed within this project, and within a module's own package.

    Args:
        modules: dotted names; `module:id` also counts the card with this id, or name, in the
            module's `CARDS`.

    Raises: ModuleNotFoundError for a module without source file, and for a card that its module
    lacks.
    """
    pending, seen = [name.partition(":")[0] for name in modules], set()
    while pending:
        module = pending.pop()
        if module not in seen:
            seen.add(module)
            pending.extend(_imports(module))
    digest = hashlib.sha256()
    for module in sorted(seen):
        digest.update(module.encode() + b"\0" + _code(module) + b"\0")
    for name in sorted(name for name in modules if ":" in name):
        digest.update(name.encode() + b"\0" + _card(*name.split(":")) + b"\0")
    return digest.hexdigest()[:16]


def _code(module: str) -> bytes:
    """Return the module's source, without the lines of its `CARDS`."""
    text = _source(module).read_bytes()
    node = _cards(text)
    if node is None:
        return text
    lines = text.splitlines(keepends=True)
    return b"".join(lines[: node.lineno - 1] + lines[node.end_lineno :])


def _card(module: str, wanted: str) -> bytes:
    """Return the card with this id, independent of its layout in the source."""
    node = _cards(_source(module).read_bytes())
    cards = ast.literal_eval(node.value) if node else ()
    found = next((card for card in cards if wanted in (card.get("id"), card.get("name"))), None)
    if found is None:
        raise ModuleNotFoundError(f"No card '{wanted}' in the module '{module}'.")
    return repr(sorted(found.items())).encode()


def _cards(text: bytes) -> ast.Assign | None:
    if CARDS.encode() not in text:
        return None
    assigns = (node for node in ast.parse(text).body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.List))
    return next((node for node in assigns if [ast.unparse(target) for target in node.targets] == [CARDS]), None)


def _source(module: str) -> Path:
    path = _find(module)
    if path is None:
        raise ModuleNotFoundError(f"No source file for module '{module}' under {_root(module)}.")
    return path


def _find(module: str) -> Path | None:
    base = _root(module).joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _root(module: str) -> Path:
    """Return the folder of a module's top package: the project's, or where another package is
    installed.
    """
    top = module.split(".")[0]
    spec = None if top == PACKAGE else find_spec(top)
    if spec is None:
        return ROOT
    return Path(next(iter(spec.submodule_search_locations or [spec.origin or ROOT]))).parent


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield every statement under a node, at any depth; not their expressions, which are most of a tree."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, field, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from _statements(inner)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Return the modules of this project, and of its own package, that `module` imports anywhere in
    its code.
    """
    found = set()
    for node in _statements(ast.parse(_source(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    found.update(module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1))  # importing a module runs its packages
    known = {PACKAGE, module.split(".")[0]}
    return tuple(sorted(name for name in found if name.split(".")[0] in known and _find(name)))
