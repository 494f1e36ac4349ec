"""The parts of a plan: test sets, tables, studies, the training.

Typed parts of a checked config.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clrface.config.datasets import FolderDataset, ManifestDataset, SetDataset
from clrface.config.parts import value_of
from clrface.config.rows import Row
from clrface.fetch.sources import Source
from clrface.manifest import FETCHED
from clrface.paths import catalogued


@dataclass(frozen=True, eq=False)
class Dataset:
    """Faces: in a folder of the user's, from a manifest in git, or of a set whose names are known
    after fetching.
    """

    name: str
    entry: Mapping[str, Any]
    """The config's entry; empty for the training's faces."""
    source: Source | None = None
    """Of a set without a manifest in git: its source, which states the number of images. None for
    the others.
    """
    drawn: int = 0
    """The number of faces that a generator draws for it; 0 for all others."""
    comes_as: str = ""
    """The template by which its faces come aligned. Empty where the workflow aligns them, or for
    the user's folder.
    """
    listed: str = ""
    """The source of the pairs to verify; empty for a test set without such a list."""

    @property
    def folder(self) -> str | None:
        """Return the user's folder; None for a fetched dataset."""
        return self.entry.get("folder")

    @property
    def split(self) -> str:
        """Return the split of the manifest."""
        return value_of(ManifestDataset, self.entry, "split")

    @property
    def offset(self) -> int:
        """Return the place at which the evenly spaced images start."""
        return value_of(SetDataset if self.source else ManifestDataset, self.entry, "offset")

    @property
    def to_align(self) -> bool:
        """Return whether the faces of a user's folder still need aligning."""
        return self.folder is not None and value_of(FolderDataset, self.entry, "align")

    @property
    def has_truth(self) -> bool:
        """Return whether there is ground truth: not if the config names a reference instead."""
        return "reference" not in self.entry

    @property
    def manifest(self) -> str:
        """Return the path of the manifest: in git, or made when the set is fetched or drawn."""
        return f"data/raw/{self.name}/{FETCHED}" if self.source or self.drawn else str(catalogued(f"manifests/{self.name}.csv"))

    @property
    def comes_aligned(self) -> bool:
        """Return whether its faces are aligned already, and are only resized."""
        return bool(self.comes_as)


@dataclass(frozen=True, eq=False)
class Table:
    """Every row on every test set under every degradation."""

    name: str
    datasets: tuple[str, ...]
    degradations: tuple[str, ...]
    protocol: str
    metrics: tuple[str, ...]
    """The protocol's metrics, in its order."""
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    """What its numbers depend on, as its json states it."""

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Return the (dataset, degradation) pairs."""
        return [(dataset, degradation) for dataset in self.datasets for degradation in self.degradations]


@dataclass(frozen=True, eq=False)
class Study:
    """A study of CLR-Face, on one degraded test set."""

    dataset: str
    degradation: str
    images: int | None = None
    """The number of its faces, evenly spaced; None takes all."""
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sweep:
    """CLR-Face over a grid of settings."""

    name: str
    study: Study
    grid: Mapping[str, list[Any]]
    base: Mapping[str, Any]
    """The settings that all points share, beside those of CLR-Face's row."""
    along: str
    """The column on the figure's horizontal axis."""
    seeds: tuple[int, ...]

    @property
    def tunes(self) -> bool:
        """Return whether it chose the settings (config/tune.yaml)."""
        return self.name.startswith("tune_")


@dataclass(frozen=True, eq=False)
class Training:
    """How the networks are trained here."""

    datasets: tuple[Dataset, ...]
    """Real faces, and drawn ones, if any."""
    drawing: Mapping[str, Any] | None
    """How faces are drawn: `count`, `seed`, `truncation`, `size`."""
    degradation: str
    seed: int
    workers: int
    precision: str
    processes: int
    compiled: bool
    stages: Mapping[str, Mapping[str, Any]]
    """Each stage's numbers by its name, as the config has them."""
