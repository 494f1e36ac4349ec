"""A run whose steps are forks of one process, and the same run without: one table, and nothing left behind."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clrface.forkserver import SOCKET
from clrface.forkserver.start import PREFIX
from tests.runs.small_project import Project

pytestmark = [pytest.mark.timeout(1200)]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What these runs leave in the folder for temporary files, apart from the runs of other tests; a socket's path must be short."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_forks_give_the_same_table(sources: Path, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {}
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
    assert not list(temporary.glob(f"{PREFIX}*"))
