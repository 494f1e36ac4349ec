"""Ask the fork server to run this process's command, and stand for the fork until it ends."""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from clrface.forkserver import SOCKET, read_at_import

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUMBER = struct.Struct("!q")
RESTORING = ("align", "degrade-chunk", "restore-chunk", "measure")
SHOWING = ("tabulate", "samples", "failures", "roc", "mask-maps", "overview", "sweep-figure")
STEPS = (*RESTORING, *SHOWING)
"""The steps that may run in a fork: not what trains, or measures its own memory."""


def run_in_fork(arguments: Sequence[str]) -> int | None:
    """Run `clrface ARGUMENTS` in a fork of the server, with this process's files, folder and environment.

    SIGINT, SIGTERM and SIGHUP go on to the fork. Where this process is killed, the server kills the
    fork; where the server is, this process does.

    Returns: the exit code; None where there is no server or it can't serve this command, and nothing
    was run.
    """
    path = os.environ.get(SOCKET)
    if not path or path == "no" or not arguments or arguments[0] not in STEPS:
        return None
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(path)
        except OSError:  # still importing, or gone
            return None
        child = _ask(server, arguments)
        return None if child is None else _wait(server, child)


def _ask(server: socket.socket, arguments: Sequence[str]) -> int | None:
    """Return the fork's process id; None where the server refuses."""
    request = {
        "arguments": list(arguments),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "python": f"{sys.prefix} {sys.version}",  # its file has several names
        "read_at_import": read_at_import(),
        "interruptible": signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
    }
    told = json.dumps(request).encode()
    try:
        socket.send_fds(server, [NUMBER.pack(len(told))], [0, 1, 2])
        server.sendall(told)
        child = _number(server)
    except OSError:
        return None
    return child or None


def _wait(server: socket.socket, child: int) -> int:
    """Return the fork's exit code; after a signal, end as it did."""

    def forward(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
    try:
        code = _number(server)
    except ConnectionError:
        code = None
    if code is None:
        _kill(child)
        print("clrface: the fork server of this run ended. Run the same command again.", file=sys.stderr)
        return 1
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL can't be handled, and needs no default
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _number(connection: socket.socket) -> int | None:
    """Return the next number; None where the other side closed."""
    told = b""
    while len(told) < NUMBER.size:
        part = connection.recv(NUMBER.size - len(told))
        if not part:
            return None
        told += part
    return NUMBER.unpack(told)[0]
