"""Single modules of BasicSR, GFPGAN and CodeFormer, from a clone or from an installed package."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PACKAGES = ("basicsr", "basicsr.archs", "basicsr.data", "gfpgan", "gfpgan.archs", "gfpgan.data")


def open_packages() -> None:
    """Make the modules importable one by one, from clones on the path or from the installed packages.

    The packages' own `__init__` import all that training needs, a `version.py` that only setup.py writes, and a module that newer
    torchvisions lack. So stand-ins hold their places, and find the modules in the same folders.
    """
    for name in PACKAGES:
        folder = _folder(name)
        if folder is not None:
            sys.modules[name] = package = ModuleType(name)
            package.__path__ = [str(folder)]
    _name_the_old_place()


def _folder(name: str) -> Path | None:
    """A package's folder, found without importing it."""
    top, *rest = name.split(".")
    if top in sys.modules:
        place = sys.modules[top].__path__
    else:
        found = find_spec(top)
        place = found.submodule_search_locations if found else None
    folder = Path(next(iter(place)), *rest) if place else None
    return folder if folder and folder.is_dir() else None


def _name_the_old_place() -> None:
    """basicsr 1.4.2 takes a function from a module that torchvision 0.17 removed; it is in another one."""
    old = "torchvision.transforms.functional_tensor"
    if not find_spec(old):
        sys.modules[old] = importlib.import_module("torchvision.transforms.functional")
