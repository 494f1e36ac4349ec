"""How long a download or an extraction will still take."""

import sys
from typing import Any

from tqdm import tqdm


def progress(iterable: Any = None, **options: Any) -> tqdm:
    """tqdm's bar on standard error, once something takes longer than a second.

    Drawn ten times a second on a terminal, and every ten seconds where the output goes into a log.
    """
    return tqdm(iterable, delay=1.0, mininterval=0.1 if sys.stderr.isatty() else 10.0, **options)
