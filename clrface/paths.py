"""Where data lies: in the project's folder if there is one, else in the user's cache.

A project's folder holds `Snakefile` and `config/embedded.yaml`; the working folder may lie anywhere
in it. The cache is the operating system's own place for it (on Linux ~/.cache/clrface), or the
folder that the environment variable CLRFACE_HOME names.
"""

import os
from pathlib import Path

PRESET = "config/embedded.yaml"
MARKS = ("Snakefile", PRESET)
HOME = "CLRFACE_HOME"


def project_folder() -> Path | None:
    """The project's folder, at or above the working folder; None outside of one.

    The working folder itself is `Path()`.
    """
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if all((folder / mark).is_file() for mark in MARKS)), None)
    return Path() if found == here else found


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
