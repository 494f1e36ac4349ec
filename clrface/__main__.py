"""`python -m clrface`."""

import sys

from clrface.forkserver.client import run_in_fork


def run() -> int:
    """Run the command in a fork of the run's server, or here."""
    code = run_in_fork(sys.argv[1:])
    if code is not None:
        return code
    from clrface.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
