"""The record of a training, `training.json` beside the weights: what they have seen, and what it
cost.

    {"stage": "irn", "steps": 900, "batch": 16, "seed": 0, "processor_s": 3102.4, "faces": 17381,
     "resolution": 96, "template": "utkface", "start": {...}}

`start` is the record of the folder of weights that the stage started from, if it started from one
that has a record.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface.errors import reading

RECORD = "training.json"


@dataclass(frozen=True)
class Seen:
    """What weights have seen: optimiser steps, training images (steps x batch), and seconds of
    processor time.
    """

    steps: int
    images: int
    processor_s: float | None
    """None where a record doesn't say."""

    def __add__(self, other: "Seen") -> "Seen":
        known = self.processor_s is not None and other.processor_s is not None
        spent = (self.processor_s or 0) + (other.processor_s or 0) if known else None
        return Seen(self.steps + other.steps, self.images + other.images, spent)


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record beside the weights in `folder`; None where there is none.

    Raises: UserError for a damaged record.
    """
    path = Path(folder) / RECORD
    if not path.is_file():
        return None
    with reading(str(path), "It is damaged: get it again, or remove it."):
        record = json.loads(path.read_text(encoding="utf-8"))
        if wrong := [key for key in ("steps", "batch") if not isinstance(record[key], int)]:
            raise ValueError(f"'{wrong[0]}' is {record[wrong[0]]!r}, no whole number")
        return record


def seen(record: Mapping[str, Any]) -> Seen:
    """What a stage's weights have seen, with all that they started from."""
    own = Seen(record["steps"], record["steps"] * record["batch"], record.get("processor_s"))
    return own + seen(record["start"]) if record.get("start") else own


def seen_by_all(folders: Iterable[Path]) -> Seen | None:
    """What several networks have seen together; None when one of them has no record."""
    records = [read_record(folder) for folder in folders]
    if not records or not all(records):
        return None
    return sum((seen(record) for record in records if record), start=Seen(0, 0, 0.0))
