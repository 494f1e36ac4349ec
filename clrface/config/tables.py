"""Tables, and the studies beside them: sweeps, costs, the mask."""

from typing import Annotated, Literal

from pydantic import Field

from clrface.config.parts import (
    UNIQUE,
    Clrface,
    Count,
    DatasetName,
    Degradation,
    Folder,
    Grid,
    Metric,
    Name,
    Part,
    Protocol,
    RowName,
    Seeds,
    Variant,
)


class OwnProtocol(Part):
    """A protocol of your own."""

    description: str = ""
    """Its purpose."""
    metrics: Annotated[list[Metric], Field(min_length=1), UNIQUE]
    """A table's columns, in their order."""


class Table(Part):
    """Every row on every test set under every degradation."""

    datasets: Literal["all"] | Annotated[list[DatasetName], Field(min_length=1), UNIQUE]
    """Test sets of this table; all: those with ground truth."""
    degradations: Annotated[list[Degradation], Field(min_length=1), UNIQUE]
    """Degradations of clrface/catalogue/degradations.yaml."""
    protocol: Protocol | None = None
    """Another protocol than the preset's, for this table."""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """Rows of this table alone, after the others: as in `variants`."""
    methods: Literal["all"] | Annotated[list[RowName], Field(min_length=1), UNIQUE] = "all"
    """Rows of this table, methods and variants, in this order."""


class Finished(Part):
    """Images restored elsewhere. `clrface submit-check` says what is missing."""

    folder: Folder
    """A folder with <dataset>/<degradation>/<image_id>.png; or with the images themselves, for a
    run with one test set and one degradation.
    """
    label: str = ""
    """The name that tables show; default: the row's own."""
    paper: str = ""
    """Authors, title, venue, year."""
    code: str = ""
    """The address of the code."""
    version: str = ""
    """The commit, release or weights that made the images."""
    licence: str = ""
    """Of code and weights."""


class Sweep(Part):
    """CLR-Face over a grid of settings."""

    dataset: DatasetName
    degradation: Degradation
    grid: Grid
    images: Count | None = None
    """The number of faces, evenly spaced; default: all."""
    base: Clrface = Field(default_factory=dict)
    """CLR-Face's parameters that all points share."""
    along: str
    """The column on the figure's horizontal axis: a setting of the grid, evaluations or seconds."""
    metrics: Annotated[list[Metric], Field(min_length=1), UNIQUE]
    """The metrics to measure."""
    seeds: Seeds | None = None
    """Default: the first of the preset's seeds."""


class Cost(Part):
    """The cost of the rows."""

    dataset: DatasetName
    degradation: Degradation
    images: Count
    """Images given to a method at once, evenly spaced over the dataset."""
    rounds: Count
    """How often each method is timed; the median is reported."""


class MaskMaps(Part):
    """The faces whose masks are shown."""

    dataset: DatasetName
    degradation: Degradation
