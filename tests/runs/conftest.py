"""What all tests of whole runs share."""

import pytest

from clrface.forkserver.start import start_fork_server


@pytest.fixture(scope="session", autouse=True)
def one_fork_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One server for the steps of all these runs, instead of one for each; it ends with this process."""
    start_fork_server(tmp_path_factory.mktemp("forks") / "server.log")
