"""A checksum of the code that a step runs: touching a file changes nothing, editing one reruns what uses it.

Snakemake doesn't see the modules that a command imports. Rules put this fingerprint among their `params`, so that
an edit shows as a changed parameter. It covers the named modules and, by their import statements, the modules of
this project that they lead to; comments and docstrings count, since a wrong "unchanged" costs more than a rerun.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "clrface"


def fingerprint(*modules: str) -> str:
    """16 hexadecimal digits over the sources of `modules` and of what they import from this project.

    Raises: ModuleNotFoundError for a module that has no source file here.
    """
    pending, seen = list(modules), set()
    while pending:
        module = pending.pop()
        if module not in seen:
            seen.add(module)
            pending.extend(_imports(module))
    digest = hashlib.sha256()
    for module in sorted(seen):
        digest.update(module.encode() + b"\0" + _source(module).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _source(module: str) -> Path:
    path = _find(module)
    if path is None:
        raise ModuleNotFoundError(f"No source file for module '{module}' under {ROOT}.")
    return path


def _find(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """This project's modules that `module` imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(_source(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    found.update(module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1))  # importing a module runs its packages
    return tuple(sorted(name for name in found if name.split(".")[0] == PACKAGE and _find(name)))
