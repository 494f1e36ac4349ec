"""Run the workflow's steps in forks of one process that has imported PyTorch and diffusers already.

A step of three seconds paid up to seven for its imports. A run on this machine (not on a cluster)
therefore starts a server, and `python -m clrface STEP` asks it for a fork instead of importing
(`client`). The server imports other people's packages only, so that an edit of `clrface` counts from
the next step on. Without a server, or where something differs that is read at import (another
Python, other thread counts), the step runs as it always did. `CLRFACE_FORKSERVER=no` asks for that.
"""

import os

SOCKET = "CLRFACE_FORKSERVER"
"""The environment variable that names the server's socket, or says `no`."""

THREADS = ("OMP_", "GOTO_", "OPENBLAS_", "MKL_", "KMP_", "VECLIB_", "NUMEXPR_")
READ_AT_IMPORT = (*THREADS, "PYTHON", "LD_", "MPL", "OPENCV_", "TORCH", "ATEN_", "DNNL_", "ONEDNN_")
"""Beginnings of variables that Python and its packages read when they start, not when they are used."""


def read_at_import() -> dict[str, str]:
    """Return this process's environment variables that must be the server's for a fork to be alike."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(READ_AT_IMPORT)}
