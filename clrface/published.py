"""Numbers that others published, to calibrate by: `clrface/catalogue/published.yaml`, read and
checked.

Nothing heavy is imported here: the workflow reads them while it builds its graph.
clrface.tables.calibration sets them beside ours.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface.catalogue import SCHEMAS
from clrface.config.load import load_config
from clrface.config.messages import Mistake, tell_mistakes
from clrface.config.schema import find_mistakes

SCHEMA = SCHEMAS / "published.schema.json"


@dataclass(frozen=True)
class Published:
    """One published number: a cell of somebody's table, in the unit of the metric here."""

    method: str
    """The method's name here; of no method where the source doesn't say which version it ran."""
    label: str
    dataset: str
    degradation: str
    metric: str
    value: float | None
    """None: it can't be retrieved."""
    source: str
    """Where it was read, and what is assumed of its metric where that doesn't say."""


def load_published(path: Path) -> dict[str, list[Published]]:
    """The published numbers, by protocol.

    Raises: UserError with a line for each mistake: a wrong key or type, a row with more or fewer
    values than metrics, a cell given twice.
    """
    content = load_config([path])
    mistakes = find_mistakes(content, json.loads(SCHEMA.read_text(encoding="utf-8"))) or _wrong_rows(content)
    tell_mistakes(str(path), content, mistakes)
    found: dict[str, list[Published]] = {}
    for entry in content.values():
        found.setdefault(entry["protocol"], []).extend(_cells(entry))
    return found


def of_blocks(published: Collection[Published], blocks: Collection[tuple[str, str]], metrics: Collection[str]) -> list[Published]:
    """Those about a table's (dataset, degradation) blocks and its metrics."""
    return [cell for cell in published if (cell.dataset, cell.degradation) in blocks and cell.metric in metrics]


def _cells(entry: Mapping[str, Any]) -> list[Published]:
    place = entry["dataset"], entry["degradation"]
    return [
        Published(method, row["label"], *place, metric, None if value is None else float(value), _source(entry, metric))
        for method, row in entry["rows"].items()
        for metric, value in zip(entry["metrics"], row["values"] or [None] * len(entry["metrics"]), strict=True)
    ]


def _source(entry: Mapping[str, Any], metric: str) -> str:
    assumed = entry.get("assumed", {}).get(metric)
    return entry["source"] + (f" (it doesn't say, assumed: {assumed})" if assumed else "")


def _wrong_rows(content: Mapping[str, Any]) -> list[Mistake]:
    mistakes: list[Mistake] = []
    seen: dict[tuple[str, ...], str] = {}
    for name, entry in content.items():
        for metric in entry.get("assumed", {}):
            if metric not in entry["metrics"]:
                mistakes.append(((name, "assumed", metric), f"found '{metric}', which isn't among the entry's metrics."))
        for method, row in entry["rows"].items():
            path, count = (name, "rows", method), len(entry["metrics"])
            if row["values"] is not None and len(row["values"]) != count:
                mistakes.append(((*path, "values"), f"found {len(row['values'])} values, expected {count}, one for each of `metrics`."))
            for metric in entry["metrics"]:
                cell = entry["protocol"], entry["dataset"], entry["degradation"], method, metric
                if seen.setdefault(cell, name) != name:
                    mistakes.append((path, f"{seen[cell]} has '{metric}' of this method too, for the same set. Keep one of them."))
    return mistakes
