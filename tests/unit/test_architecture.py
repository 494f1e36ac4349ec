"""docs/explanation/architecture.md: its drawing is that of the imports, and it says what every room is for."""

from pathlib import Path

from clrface.fingerprint import ROOT
from tests.architecture import PAGE, ROOMS, drawn


def test_the_drawing_is_that_of_the_imports() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page) == page, "draw it again: python -m tests.architecture"


def test_every_room_is_on_the_page_and_in_the_contract() -> None:
    there = {path.name for path in (ROOT / "clrface").iterdir() if (path / "__init__.py").is_file()}
    named = {room for layer in ROOMS for room in layer}
    assert there <= named, f"not in pyproject's layers: {there - named}"
    page = PAGE.read_text(encoding="utf-8")
    assert [room for room in sorted(there) if f"| `{room}`" not in page] == []


def test_no_file_is_longer_than_400_lines() -> None:
    files = [*(ROOT / "clrface").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    assert [str(path.relative_to(ROOT)) for path in files if _lines(path) > 400] == []


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
