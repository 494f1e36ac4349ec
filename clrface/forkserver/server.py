"""The fork server: `python -m clrface.forkserver.server SOCKET PID` serves until the process PID ends."""

import atexit
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from clrface.forkserver import read_at_import
from clrface.forkserver.client import NUMBER

PRELOADED = (
    "numpy",
    "torch",
    "cv2",
    "scipy.ndimage",
    "scipy.special",
    "scipy.stats",
    "PIL.Image",
    "yaml",
    "click",
    "pydantic",
    "tqdm",
    "safetensors.torch",
    "diffusers",
    "diffusers.models.unets.unet_2d",
    "diffusers.models.autoencoders.vae",
    "torchvision",
    "timm",
    "dlib",
    "matplotlib.pyplot",
)
"""What the steps import from others. A package that isn't installed is left out."""
LONGEST_REQUEST = 2**22
PATIENCE_S = 10


class Fork(NamedTuple):
    """A running fork: its process id, its pidfd, and the connection of the client that waits for it."""

    pid: int
    pidfd: int
    client: socket.socket


def serve(path: Path, owner: int) -> None:
    """Import, then answer each client with a fork, until the process `owner` ends.

    The socket appears after the imports: till then, steps run by themselves. At the end the socket's
    folder is removed, and forks that still run are killed.
    """
    started, this = time.monotonic(), os.getpid()
    ended, settings = os.pidfd_open(owner), read_at_import()  # before packages set variables of their own
    preload()
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(64)
            print(f"Imported in {time.monotonic() - started:.1f} s.", flush=True)
            print(f"{Server(listener, ended, settings).run()} steps ran in forks.", flush=True)
    finally:
        if os.getpid() == this:  # not in a fork
            shutil.rmtree(path.parent, ignore_errors=True)


def preload() -> None:
    """Import what the steps import of others; nothing of `clrface` that computes."""
    from clrface.torchvision_import import prepare

    prepare()
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a fork's collector would visit, and so copy, all that was imported


class Server:
    """Waits for clients that ask, forks that end, clients that are killed, and the owner's end.

    Args:
        listener: the listening socket.
        owner: the owner's pidfd, readable when it has ended.
        settings: the variables that the imports read; a client with others is refused.
    """

    def __init__(self, listener: socket.socket, owner: int, settings: dict[str, str]):
        self._listener, self._owner, self._settings = listener, owner, settings
        self._selector = selectors.DefaultSelector()
        self._forks: set[Fork] = set()
        self._ran = 0

    def run(self) -> int:
        """Return how many steps ran, after the owner's end."""
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._owner, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._owner:
                    for fork in self._forks:
                        _kill(fork)
                    return self._ran
                key.data()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.settimeout(PATIENCE_S)
        files: list[int] = []
        try:
            request = _request(client, files)
            if other := self._differs(request):
                raise ValueError(f"other {', '.join(other)}")
            self._fork(request, files, client)
        except (OSError, ValueError) as error:
            print(f"A request was refused: {error}", flush=True)
            _tell(client, 0)
            client.close()
        finally:
            for file in files:
                os.close(file)

    def _differs(self, request: dict[str, Any]) -> list[str]:
        """Return what would make a fork differ from the client's process: another Python, settings read at import."""
        theirs = {"python": request["python"], **request["read_at_import"]}
        ours = {"python": f"{sys.prefix} {sys.version}", **self._settings}
        return [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]

    def _fork(self, request: dict[str, Any], files: list[int], client: socket.socket) -> None:
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            for connection in (self._listener, client, *(fork.client for fork in self._forks)):
                connection.close()
            _leave(_run(request, files))
        fork = Fork(pid, os.pidfd_open(pid), client)
        self._forks.add(fork)
        self._ran += 1
        self._selector.register(fork.pidfd, selectors.EVENT_READ, lambda: self._ended(fork))
        self._selector.register(client, selectors.EVENT_READ, lambda: self._left(fork))
        _tell(client, pid)

    def _ended(self, fork: Fork) -> None:
        """Tell the client how its fork ended."""
        _, status = os.waitpid(fork.pid, 0)
        self._selector.unregister(fork.pidfd)
        os.close(fork.pidfd)
        self._forks.remove(fork)
        if fork.client.fileno() >= 0:
            self._selector.unregister(fork.client)
            _tell(fork.client, os.waitstatus_to_exitcode(status))
            fork.client.close()

    def _left(self, fork: Fork) -> None:
        """The client was killed: so is its fork. A client says nothing more, so all there is to read is its end."""
        if fork in self._forks:  # else the fork ended in the same moment
            self._selector.unregister(fork.client)
            fork.client.close()
            _kill(fork)


def _request(client: socket.socket, files: list[int]) -> dict[str, Any]:
    """Return what the client asks for; its standard input, output and error are added to `files`."""
    head, received, _, _ = socket.recv_fds(client, NUMBER.size, 3)
    files += received
    if len(head) < NUMBER.size or len(files) != 3:
        raise ValueError("it has no head")
    (length,) = NUMBER.unpack(head)
    if not 0 < length < LONGEST_REQUEST:
        raise ValueError(f"it would be {length} bytes long")
    told = bytearray()
    while len(told) < length:
        part = client.recv(length - len(told))
        if not part:
            raise ValueError("it ends early")
        told += part
    return json.loads(told)


def _tell(client: socket.socket, number: int) -> None:
    with suppress(OSError):  # a client that was killed; `_left` sees to its fork
        client.sendall(NUMBER.pack(number))


def _run(request: dict[str, Any], files: list[int]) -> int:
    """Become the client's process, run its command, and return the exit code."""
    os.setsid()  # a group of its own, so that all that it starts can be killed with it
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:] = request["path"]
    sys.argv[:] = ["clrface", *request["arguments"]]
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler if request["interruptible"] else signal.SIG_IGN)
    for name in [name for name in sys.modules if name.partition(".")[0] == "clrface"]:
        del sys.modules[name]  # the code as it is now, not as it was when the run began
    try:
        return importlib.import_module("clrface.cli").main(request["arguments"])
    except Exception:
        traceback.print_exc()
        return 1


def _leave(code: int) -> NoReturn:
    """End a fork as `multiprocessing` ends its own: Python's whole end would visit all that was imported, two seconds a step."""
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _kill(fork: Fork) -> None:
    try:
        os.killpg(fork.pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(fork.pid, signal.SIGKILL)  # it has no group of its own yet


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
