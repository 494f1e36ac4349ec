"""A table, asked for: what the planner tells the step `tabulate`, as JSON. Nothing heavy is imported here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from clrface.published import Published


@dataclass(frozen=True)
class RowSpec:
    """Which row to make: the scores of `method` lie in `<scores>/<dataset>/<degradation>/<method>/<seed>/<metric>.csv`."""

    method: str
    dataset: str
    degradation: str
    seeds: tuple[int, ...] = (0,)
    has_truth: bool = True
    """False for a test set without ground truth: metrics that need one are then left empty."""


@dataclass(frozen=True)
class TableRequest:
    """Which rows and metrics, and where the table's json says that they come from. The order is the order on the page."""

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
    """What of the config the numbers depend on (clrface.plan.stale)."""
    published: tuple[Published, ...] = ()
    submissions: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """A row of finished images by name: its label, paper, code, version, licence, as far as told, and a checksum of the images."""

    def to_json(self) -> str:
        """As the step takes it. What nobody published or submitted is left out."""
        content = asdict(self)
        if not self.published:
            del content["published"]
        if not self.submissions:
            del content["submissions"]
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TableRequest":
        """What `to_json` gave. Raises: TypeError for keys that are missing or unknown."""
        content: dict[str, Any] = json.loads(text)
        rows = tuple(RowSpec(**{**row, "seeds": tuple(row["seeds"])}) for row in content.pop("rows"))
        cards = {row: (method, label) for row, (method, label) in content.pop("cards").items()}
        published = tuple(Published(**cell) for cell in content.pop("published", ()))
        return cls(rows=rows, metrics=tuple(content.pop("metrics")), cards=cards, published=published, **content)
