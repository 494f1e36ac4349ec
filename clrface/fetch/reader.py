"""What a reader is, and what it answers when it has no archive to give."""

import os
from pathlib import Path
from typing import Protocol

from clrface.errors import UserError
from clrface.fetch.sources import Archive

TIMEOUT_VARIABLE = "CLRFACE_TIMEOUT_S"
DEFAULT_TIMEOUT_S = 60.0


class Failed(Exception):
    """What a place answered instead of the archive; `transient` when asking again may help."""

    def __init__(self, answer: str, *, transient: bool = False) -> None:
        super().__init__(answer)
        self.transient = transient


class WebPage(Failed):
    """A page came in place of the file. `url`: where from; `text`: its HTML."""

    def __init__(self, answer: str, url: str, text: str) -> None:
        super().__init__(answer)
        self.url, self.text = url, text


class Reader(Protocol):
    """Brings one archive to this machine."""

    def __call__(self, archive: Archive, part: Path) -> Path:
        """Write the archive to `part`, going on from what is there where the protocol allows.

        Returns `part`, or the place where the archive already lies on this machine, to be used there and left alone.
        Raises: Failed with the place's answer; OSError when the disk won't take it.
        """
        ...


def timeout_s() -> float:
    """Seconds that a silent server is waited for. Raises: UserError for a variable that holds no positive number."""
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
