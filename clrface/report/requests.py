"""Figures, asked for: what the planner tells the steps that draw tables, as JSON.

Nothing heavy is imported here.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class SetSpec:
    """What the tables don't say of their test sets."""

    chunks: Mapping[str, list[str]]
    """Each dataset's chunks; a run on more images may have left others."""
    same_as: Mapping[str, str] = field(default_factory=dict[str, str])
    """The rows whose images are the input's and the truth's, `{"@input": "input"}`: they are not
    shown again.
    """
    without_truth: Collection[str] = ()
    """The datasets that have no ground truth."""

    def to_json(self) -> str:
        """As the steps `failures` and `report` take it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "SetSpec":
        """What `to_json` gave."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class SamplePanel:
    """A degraded test set on a sheet of faces."""

    title: str
    aligned: str
    """The folder of its truth: which faces there are."""
    chunks: Sequence[str]
    columns: Mapping[str, str]
    """Label to folder, left to right."""


@dataclass(frozen=True)
class RocRow:
    """A row's operating curve."""

    label: str
    control: bool
    folders: Sequence[str]
    """Of its restored faces."""


@dataclass(frozen=True)
class RocPanel:
    """A degraded test set and its rows' operating curves."""

    title: str
    rows: Sequence[RocRow]
    aligned: Sequence[str]
    gallery: Sequence[str]
    manifest: str
    """Who is on which photograph."""
    metric: str
    """The metric whose recogniser the curves are drawn by."""
    pairs: str = ""
    """The list of the pairs to verify; empty for all."""


def sample_panels_to_json(panels: Iterable[SamplePanel]) -> str:
    """As the step `samples` takes them."""
    return json.dumps([asdict(panel) for panel in panels])


def sample_panels_from_json(text: str) -> list[SamplePanel]:
    """What `sample_panels_to_json` gave."""
    return [SamplePanel(**panel) for panel in json.loads(text)]


def roc_panels_to_json(panels: Iterable[RocPanel]) -> str:
    """As the step `roc` takes them. `pairs` stands only where there is a list."""
    return json.dumps([{key: value for key, value in asdict(panel).items() if value != ""} for panel in panels])


def roc_panels_from_json(text: str) -> list[RocPanel]:
    """What `roc_panels_to_json` gave."""
    return [RocPanel(**{**panel, "rows": [RocRow(**row) for row in panel["rows"]]}) for panel in json.loads(text)]
