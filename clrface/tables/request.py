"""A request for a table: the planner's JSON for the step `tabulate`.

Nothing heavy is imported here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from clrface.published import Published


@dataclass(frozen=True)
class RowSpec:
    """A row to make.

    The scores of `method` lie in `<scores>/<dataset>/<degradation>/<method>/<seed>/<metric>.csv`.
    """

    method: str
    dataset: str
    degradation: str
    seeds: tuple[int, ...] = (0,)
    has_truth: bool = True
    """False for a test set without ground truth: metrics that need it then stay empty."""


@dataclass(frozen=True)
class TableRequest:
    """Which rows and metrics, in the page's order, and what the table's json says of their origin."""

    rows: tuple[RowSpec, ...]
    metrics: tuple[str, ...]
    cards: Mapping[str, tuple[str, str]]
    """A row's name to its method's and its label. A folder of images has no card."""
    weights: Mapping[str, str]
    """A method's name to the folder of its weights."""
    chunks: Mapping[str, Sequence[str]]
    """The chunks of each test set; a run on more images may have left others."""
    protocol: str
    preset: str
    resolution: int
    base_seed: int
    n_boot: int
    device: str
    datasets: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The config's entries of the test sets."""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The part of the config that the numbers depend on (clrface.plan.stale)."""
    published: tuple[Published, ...] = ()
    submissions: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """A row of finished images by name: its label, paper, code, version and licence, as far as
    stated, and a checksum of the images.
    """

    def to_json(self) -> str:
        """Return the JSON that the step takes, without published numbers and submissions where
        there are none.
        """
        content = asdict(self)
        if not self.published:
            del content["published"]
        if not self.submissions:
            del content["submissions"]
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TableRequest":
        """Read the text of `to_json`. Raises: TypeError for keys that are missing or unknown."""
        content: dict[str, Any] = json.loads(text)
        rows = tuple(RowSpec(**{**row, "seeds": tuple(row["seeds"])}) for row in content.pop("rows"))
        cards = {row: (method, label) for row, (method, label) in content.pop("cards").items()}
        published = tuple(Published(**cell) for cell in content.pop("published", ()))
        return cls(rows=rows, metrics=tuple(content.pop("metrics")), cards=cards, published=published, **content)
