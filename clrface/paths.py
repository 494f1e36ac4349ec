"""Where data lies: in the project's folder if there is one, else in the user's cache.

A project's folder holds `Snakefile` and `config/embedded.yaml`; the working folder may lie anywhere
in it. The cache is the operating system's own place for it (on Linux ~/.cache/clrface), or the
folder that the environment variable CLRFACE_HOME names.
"""

import os
from pathlib import Path

from clrface.errors import UserError

PRESET = "config/embedded.yaml"
MARKS = ("Snakefile", PRESET)
HOME = "CLRFACE_HOME"
CLONE = Path(__file__).resolve().parents[1]
"""The folder around this package: the clone, if it runs from one."""


def project_folder() -> Path | None:
    """The project's folder, at or above the working folder; None outside of one.

    The working folder itself is `Path()`.
    """
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if all((folder / mark).is_file() for mark in MARKS)), None)
    return Path() if found == here else found


def home() -> Path | None:
    """The folder of the default preset and the shipped weights: the project's, or the clone that
    this package runs from.

    None for an installed package outside of a project. With `snakemake -d elsewhere` it is the
    clone.
    """
    if (project := project_folder()) is not None:
        return project
    return CLONE if all((CLONE / mark).is_file() for mark in MARKS) else None


def preset() -> Path:
    """The default preset's file. Raises: UserError where there is none."""
    if (found := home()) is None:
        raise UserError(f"Found no {PRESET} at or above {Path.cwd()}. Run this in the project's folder.")
    return found / PRESET


def catalogued(name: str) -> Path:
    """A file of clrface/catalogue as the workflow names it: relative in the project's folder, so
    that no job has a machine's path.
    """
    return (home() or CLONE) / "clrface" / "catalogue" / name


def root() -> Path:
    """The folder that `data/` lies in. It need not be there yet."""
    project = project_folder()
    return _cache() if project is None else project


def raw() -> Path:
    """The folder of fetched sources, one folder each."""
    return root() / "data" / "raw"


def downloads() -> Path:
    """The folder of downloaded archives."""
    return root() / "data" / "downloads"


def results() -> Path:
    """The folder of a run's results: the project's, or the working folder's own."""
    return (project_folder() or Path()) / "results"


def _cache() -> Path:
    if home := os.environ.get(HOME):
        return Path(home).expanduser()
    from platformdirs import user_cache_path  # here, since a project's run needs none

    return user_cache_path("clrface", appauthor=False)
