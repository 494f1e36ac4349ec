"""Modules of other packages, found by entry points without importing them."""

from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from clrface.errors import UserError


def package_of(point: EntryPoint) -> str:
    """Return the name of the package that has an entry point."""
    return point.dist.name if point.dist else "an installed package"


def plug_in_file(point: EntryPoint, what: str) -> Path:
    """Return the file of the module that an entry point names. A package around it is imported, the
    module itself is not.

    Args:
        what: what it is for, as the message says it, e.g. `its method 'darker'`.

    Raises: UserError for a module that isn't there.
    """
    try:
        spec = find_spec(point.value)
    except Exception:  # a package around the module may raise whatever it likes
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UserError(
            f"The package {package_of(point)} names the module {point.value} for {what} (entry point {point.group}), "
            "but there is no such module. Its value must be a module, without a colon. Correct it, or uninstall the package."
        )
    return Path(spec.origin)
