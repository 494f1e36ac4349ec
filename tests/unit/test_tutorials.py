"""Each tutorial runs from its first cell to its last, and shows what it promises."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from clrface.fingerprint import ROOT

FOLDER = ROOT / "docs" / "tutorials"
BOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_tutorial_runs(path: Path, sources: Path, tmp_path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells), "outputs aren't committed: they would grow old"
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = json.dumps([cell.get("outputs", []) for cell in book.cells])
    expected = {"score-two-folders": "stlpips_alex", "restore-in-python": "image/png", "ablate-clr-face": "without guidance"}
    assert expected[path.stem] in shown


def test_the_list_of_tutorials_names_each() -> None:
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert BOOKS and all(f"({path.name})" in index for path in BOOKS)
