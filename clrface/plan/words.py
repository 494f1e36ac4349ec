"""The arguments of a command, and digests of what it depends on."""

import json
import shlex
from collections.abc import Iterable
from hashlib import sha256
from typing import Any


def joined(words: Iterable[object]) -> str:
    """Join the arguments, quoted for the shell."""
    return shlex.join(map(str, words))


def short_digest(value: Any) -> str:
    """Return 16 hexadecimal digits that change with the value, which JSON can hold."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def source_record(name: str) -> str:
    """Return the file that exists when a source is fetched."""
    return f"data/raw/{name}/SOURCE.json"
