"""The interface of readers, and their answers when they have no archive."""

import os
from pathlib import Path
from typing import Protocol

from clrface.errors import UserError
from clrface.fetch.sources import Archive

TIMEOUT_VARIABLE = "CLRFACE_TIMEOUT_S"
DEFAULT_TIMEOUT_S = 60.0


class Failed(Exception):
    """The answer of a place without the archive; `transient` when another try may help."""

    def __init__(self, answer: str, *, transient: bool = False) -> None:
        super().__init__(answer)
        self.transient = transient


class WebPage(Failed):
    """A page came instead of the file. `url`: where from; `text`: its HTML."""

    def __init__(self, answer: str, url: str, text: str) -> None:
        super().__init__(answer)
        self.url, self.text = url, text


class Reader(Protocol):
    """Transfers one archive to this machine."""

    def __call__(self, archive: Archive, part: Path) -> Path:
        """Write the archive to `part`, resuming from its content where the protocol allows.

        Returns: `part`, or the place where the archive already lies on this machine, to be used
        there and not changed.

        Raises: Failed with the place's answer; OSError for a failure of the disk.
        """
        ...


def timeout_s() -> float:
    """Return the seconds to wait for a silent server.

    Raises: UserError for a variable without a positive number.
    """
    written = os.environ.get(TIMEOUT_VARIABLE) or str(DEFAULT_TIMEOUT_S)
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UserError(
            f"Found {TIMEOUT_VARIABLE}={written}, but expected seconds above 0, e.g. 120. Set `timeout_s` in the config, or the variable."
        )
    return seconds
