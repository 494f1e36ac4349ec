"""The fork server with real processes: what a fork shares with its client, how both end, and when a step runs by itself.

The forks' code is a `clrface` of the test's own, found first in the client's path: that it is run at all shows that a fork imports the
code as it is now.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clrface.fingerprint import ROOT
from clrface.forkserver import SOCKET
from clrface.forkserver.client import run_in_fork
from clrface.forkserver.start import ONE_THREAD, start_fork_server

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux alone watches processes by files")]

STEP = """
import atexit, os, signal, sys, threading, time
def main(arguments):
    if "late" in arguments:
        threading.Thread(target=lambda: (time.sleep(0.5), print("a thread's words"))).start()
        atexit.register(print, "the last words")
    print("arguments", *arguments[1:], "in", os.getcwd(), "of", os.environ["COLOUR"])
    print("a word", file=sys.stderr)
    if "torch" in arguments:
        print("imported", "torch" in sys.modules)
    if "sleep" in arguments:
        open("pid", "w").write(str(os.getpid()))
        try:
            time.sleep(120)
        except KeyboardInterrupt:
            print("interrupted")
            return 130
    if "raise" in arguments:
        raise RuntimeError("broken")
    if "killed" in arguments:
        os.kill(os.getpid(), signal.SIGKILL)
    return 7
"""
CLIENT = "import sys; from clrface.forkserver.client import run_in_fork; sys.path.insert(0, {path!r}); sys.exit(run_in_fork({words!r}))"


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    """A run that has started a server and waits; it says where the socket is."""
    log = tmp_path_factory.mktemp("server") / "logs/forkserver.log"
    code = (
        f"import os, pathlib; from clrface.forkserver.start import start_fork_server; start_fork_server(pathlib.Path({str(log)!r}));"
        f" print(os.environ[{SOCKET!r}], flush=True); input()"
    )
    environment = {name: value for name, value in os.environ.items() if name != SOCKET} | dict.fromkeys(ONE_THREAD, "1")
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdin=-1, stdout=-1, text=True) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def listening(owner: "subprocess.Popen[str]") -> Path:
    """The socket, once the server has imported."""
    assert owner.stdout
    path = Path(owner.stdout.readline().strip())
    until(path.exists, 120)
    return path


@pytest.fixture
def client(listening: Path, tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a client of the server in `tmp_path`, with variables of its own."""
    package = tmp_path / "code/clrface/cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text(STEP)

    def start(*words: str, **variables: str) -> "subprocess.Popen[str]":
        code = CLIENT.format(path=str(tmp_path / "code"), words=["measure", *words])
        told = {SOCKET: str(listening), "COLOUR": "green", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        environment = os.environ | dict.fromkeys(ONE_THREAD, "1") | told | variables
        if not environment["PYTHONPATH"]:
            del environment["PYTHONPATH"]
        heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a background job, as CI may be, ignores it
        start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {heard}; {code}"
        return subprocess.Popen([sys.executable, "-c", start], cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True)

    return start


def until(done: Callable[[], bool], patience_s: float = 30) -> None:
    end = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def sleeper(tmp_path: Path) -> int:
    """The process id of the fork that sleeps."""
    until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text() != "")
    return int((tmp_path / "pid").read_text())


def test_a_fork_has_its_client_s_files_folder_environment_and_code(client: Callable, tmp_path: Path) -> None:
    process = client("one", "two", "torch")
    assert process.communicate() == (f"arguments one two torch in {tmp_path} of green\nimported True\n", "a word\n")
    assert process.returncode == 7


def test_a_fork_ends_as_a_process_of_its_own_would(client: Callable) -> None:
    process = client("late")
    assert process.communicate()[0].splitlines()[1:] == ["a thread's words", "the last words"]
    assert process.returncode == 7


def test_a_traceback_is_the_client_s(client: Callable) -> None:
    process = client("raise")
    assert "RuntimeError: broken" in process.communicate()[1]
    assert process.returncode == 1


def test_a_client_ends_as_its_fork(client: Callable) -> None:
    process = client("killed")
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_signals_go_on_to_the_fork(number: int, code: int, client: Callable, tmp_path: Path) -> None:
    process = client("sleep")
    fork = sleeper(tmp_path)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == code and ("interrupted" in said) == (number == signal.SIGINT)
    until(lambda: not running(fork))


def test_a_killed_client_s_fork_is_killed(client: Callable, tmp_path: Path) -> None:
    process = client("sleep")
    fork = sleeper(tmp_path)
    process.kill()
    process.communicate()
    until(lambda: not running(fork))


def test_forks_run_side_by_side(client: Callable, tmp_path: Path) -> None:
    sleeping = client("sleep")
    fork = sleeper(tmp_path)
    process = client("meanwhile")
    assert "meanwhile" in process.communicate(timeout=30)[0] and process.returncode == 7 and running(fork)
    sleeping.kill()
    sleeping.communicate()


@pytest.mark.parametrize("other", [{"OMP_NUM_THREADS": "2"}, {"PYTHONHASHSEED": "3"}, {SOCKET: "no"}, {SOCKET: "/nowhere/socket"}], ids=str)
def test_a_step_that_differs_at_import_runs_by_itself(other: dict[str, str], client: Callable) -> None:
    process = client("one", **other)
    assert process.communicate()[0] == ""  # nothing ran
    assert process.returncode == 0  # None: the caller goes on by itself


def test_training_runs_by_itself(listening: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET, str(listening))
    assert run_in_fork(["train", "--help"]) is None
    assert run_in_fork([]) is None


def test_a_strange_request_is_refused_and_the_server_goes_on(client: Callable, listening: Path) -> None:
    import socket

    for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 8):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(listening))
            connection.sendall(words)
    process = client("still")
    assert "still" in process.communicate(timeout=30)[0]


@pytest.mark.parametrize("told", ["no", "server/socket"])
def test_no_server_is_started_where_there_is_one_or_may_be_none(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SOCKET, told)
    start_fork_server(tmp_path / "log")
    assert os.environ[SOCKET] == told and not (tmp_path / "log").exists()


def test_a_killed_run_takes_its_server_and_forks_with_it(
    owner: "subprocess.Popen[str]", listening: Path, client: Callable, tmp_path: Path
) -> None:
    """The last test of this file: it ends the server."""
    process = client("sleep")
    fork = sleeper(tmp_path)
    owner.kill()
    until(lambda: not running(fork) and not listening.parent.exists())
    assert "the fork server of this run ended" in process.communicate(timeout=30)[1] or process.returncode == -signal.SIGKILL
    assert process.returncode != 0
