"""Where data lies: the project's folder, else the user's cache."""

from pathlib import Path

import pytest

from clrface import paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CLRFACE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_project(folder: Path) -> None:
    (folder / "config").mkdir(parents=True)
    (folder / "Snakefile").touch()
    (folder / "config/embedded.yaml").touch()


def test_in_a_project_data_lies_in_its_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(here)
    assert (paths.raw(), paths.downloads(), paths.results()) == (Path("data/raw"), Path("data/downloads"), Path("results"))
    (here / "docs").mkdir()
    monkeypatch.chdir(here / "docs")
    assert (paths.root(), paths.results()) == (here, here / "results")
    monkeypatch.setenv("CLRFACE_HOME", str(here / "home"))
    assert paths.root() == here, "the project comes first"


def test_elsewhere_data_lies_in_the_cache(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "Snakefile").touch()  # another project's
    assert paths.project_folder() is None and "clrface" in paths.root().parts
    monkeypatch.setenv("CLRFACE_HOME", str(here / "home"))
    assert paths.raw() == here / "home/data/raw" and paths.results() == Path("results")
