"""A run whose steps are forks of one process, and the same run without: one table, and nothing left behind."""

import os
from pathlib import Path

import pytest

from clrface.forkserver import SOCKET
from clrface.forkserver.start import PREFIX
from tests.runs.small_project import Project

pytestmark = [pytest.mark.timeout(1200)]


def left_behind() -> set[Path]:
    return set(Path(os.environ.get("TMPDIR", "/tmp")).glob(f"{PREFIX}*"))


def test_forks_give_the_same_table(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, tables = left_behind(), {}
    for how in ("no", "forks"):
        monkeypatch.setenv(SOCKET, "no") if how == "no" else monkeypatch.delenv(SOCKET, raising=False)
        project = Project(tmp_path / how, sources)
        code, output = project.run("table1")
        assert code == 0, output
        tables[how] = [(project.folder / "results" / name).read_bytes() for name in ("table1.csv", "table1.png")]
        log = project.folder / "results/logs/forkserver.log"
        assert log.is_file() == (how == "forks")
        if how == "forks":
            assert "steps ran in forks" in log.read_text()
    assert tables["no"] == tables["forks"]
    assert left_behind() == before
