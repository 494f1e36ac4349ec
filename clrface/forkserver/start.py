"""Start the fork server of a run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from clrface.forkserver import SOCKET

PREFIX = "clrface-fork-"
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What Snakemake sets for a job of one thread: only those run in forks."""


def start_fork_server(log: Path) -> None:
    """Start the server for this process's run, and tell its jobs by the environment where it is.

    It ends with this process. Does nothing where the environment names a server that is there, as
    for runs within a run; where it says `CLRFACE_FORKSERVER=no`; and where the kernel can't watch a
    process by a file (not Linux, or before 5.3).

    Args:
        log: takes what the server says, should it fail.
    """
    told = os.environ.get(SOCKET, "")
    if told == "no" or (told and Path(told).parent.is_dir()) or not hasattr(os, "pidfd_open"):
        return
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # of this user alone; short, as a socket's path must be
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as said:
        subprocess.Popen(
            [sys.executable, "-m", "clrface.forkserver.server", str(folder / "socket"), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=os.environ | dict.fromkeys(ONE_THREAD, "1"),
            start_new_session=True,
        )
    os.environ[SOCKET] = str(folder / "socket")
