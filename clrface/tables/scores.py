"""Read score files: `image_id,value,status`, one file a (dataset, degradation, method, seed,
metric).
"""

import csv
import math
from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from clrface.api import DROPPED, OK, MetricCard
from clrface.errors import UserError

SET_ROW = "*"
HEADER = ["image_id", "value", "status"]
REPLICATES_HEADER = ["replicate", "value"]


class Scores(NamedTuple):
    """One score file. `values` has NaN for failures; a set metric's has one entry, `*`."""

    path: Path
    values: dict[str, float]
    failures: dict[str, str]
    """image_id to reason; without images that the metric's definition drops from its mean."""

    def counted(self, image_id: str, card: MetricCard) -> float:
        """Return what an image adds to the mean: its value, NaN if it is left out, or the metric's
        value of a failure.
        """
        failed = image_id in self.failures
        return self.values[image_id] if card.failed_as is None or not failed else card.failed_as


def read_scores(path: Path, level: Literal["image", "set"]) -> Scores:
    """Read one score file.

    Raises: UserError for a file that is missing, has another header, an id twice, or a row that
    says `ok` without a value; and for a set metric without row `*`.
    """
    rows = _read_rows(path, HEADER)
    statuses = {image_id: status for image_id, _, status in rows}
    if len(statuses) < len(rows):
        twice = next(image_id for i, (image_id, _, _) in enumerate(rows) if image_id in {row[0] for row in rows[:i]})
        raise UserError(f"{path} has '{twice}' twice; expected one row an image. Delete the file and measure again.")
    if (SET_ROW in statuses) != (level == "set"):
        expected = f"a row '{SET_ROW}' with the value of the whole set" if level == "set" else f"images alone, not a row '{SET_ROW}'"
        raise UserError(f"{path} belongs to a metric of level '{level}': expected {expected}. Delete the file and measure again.")
    kept = rows if level == "image" else [row for row in rows if row[0] == SET_ROW]
    values = {image_id: _number(value, path, image_id) if status == OK else math.nan for image_id, value, status in kept}
    failures = {image_id: status for image_id, status in statuses.items() if status != OK and image_id != SET_ROW}
    failures = {image_id: status for image_id, status in failures.items() if not status.startswith(DROPPED)}
    return Scores(path, values, failures)


def read_replicates(scores: Scores, n_boot: int) -> np.ndarray:
    """Read a set metric's bootstrap replicates, (n_boot,), from the file beside its scores.

    NaN for a resample, or a whole set, with too few images to be measured.

    Raises: UserError for another number of replicates than the table asks for.
    """
    if math.isnan(scores.values[SET_ROW]):
        return np.full(n_boot, np.nan)
    path = scores.path.with_name(f"{scores.path.stem}.replicates.csv")
    rows = _read_rows(path, REPLICATES_HEADER)
    if len(rows) != n_boot:
        raise UserError(
            f"{path} has {len(rows)} bootstrap replicates; expected {n_boot}, the config's `bootstrap`. Delete it and measure again."
        )
    return np.array([math.nan if value == "nan" else _number(value, path, replicate) for replicate, value in rows])


def name_some(ids: Collection[str], most: int = 5) -> str:
    """Return the first few of `ids`, sorted, for a message."""
    shown = sorted(ids)[:most]
    return ", ".join(shown) + (f" and {len(ids) - most} more" if len(ids) > most else "")


def _read_rows(path: Path, header: list[str]) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.reader(handle))
    except FileNotFoundError:
        raise UserError(
            f"No score file {path}. The table needs it: run the measuring step for it, or take its row or metric out."
        ) from None
    if not rows or rows[0] != header or any(len(row) != len(header) for row in rows):
        found = ",".join(rows[0]) if rows else "an empty file"
        raise UserError(f"{path} is no score file: found {found}; expected columns {','.join(header)}. Delete it and measure again.")
    return rows[1:]


def _number(text: str, path: Path, row: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise UserError(f"{path}, row '{row}': found value '{text}'; expected a number, or a status that says what failed. Measure again.")
    return value
