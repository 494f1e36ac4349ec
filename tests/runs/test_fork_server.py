"""A run whose steps are forks of one process, and the same run without: one table, and nothing left behind."""

import re
import tempfile
import time
from pathlib import Path

import pytest

from clrface.forkserver import SOCKET
from clrface.forkserver.start import PREFIX
from tests.runs.small_project import Project

pytestmark = [pytest.mark.timeout(1200)]


def sockets() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def test_forks_give_the_same_table(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, tables = sockets(), {}
    for how in ("no", "forks"):
        monkeypatch.setenv(SOCKET, "no") if how == "no" else monkeypatch.delenv(SOCKET, raising=False)
        project = Project(tmp_path / how, sources)
        code, output = project.run("table1")
        assert code == 0, output
        tables[how] = (project.folder / "results/table1.csv").read_bytes()
        log = project.folder / "results/logs/forkserver.log"
        assert log.is_file() == (how == "forks")
    assert tables["no"] == tables["forks"]
    for _ in range(100):  # the server ends when it sees that the run has
        if "forks" in log.read_text():
            break
        time.sleep(0.2)
    ran = re.search(r"(\d+) steps ran in forks", log.read_text())
    assert ran and int(ran[1]) > 10, f"{log.read_text()}: the others ran before the server had imported"
    assert sockets() == before
