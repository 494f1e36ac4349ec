"""The two contracts that everything in this project meets: a method restores, a metric measures.

This module imports nothing heavy, so that the workflow can read it while it builds its graph.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

OK = "ok"
DROPPED = "dropped"
"""How the status begins of an image that a metric's definition leaves out of its mean: no value, and no failure either."""


class Score(NamedTuple):
    """One image's value; NaN with the reason as `status` when it could not be measured."""

    value: float
    status: str = OK


@dataclass(frozen=True)
class MethodCard:
    """What a method says of itself, written as a literal `CARD` so that reading it imports nothing."""

    name: str
    label: str
    stochastic: bool
    paper: str = ""
    licence: str = ""
    trained_here: bool = False
    """True when `weights` (shipped, fit, a path, a hub id) applies: the weights lie in `models/<name>/`."""
    part_of: str = ""
    """For a control that takes another method apart: that method, whose weights, parameters and block of the config it shares."""
    control: bool = False
    """True for what tests a table, or explains a method, rather than competes: left out of the ranking."""
    sees_truth: bool = False
    """True for controls alone: `restore` is then given the ground truth as a third argument."""
    params: dict[str, Any] = field(default_factory=dict)
    """The parameters that the config may set, with their defaults."""
    accepts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a parameter may be, as JSON Schema with a `description`; a value of its default's type where left out."""
    assets: tuple[str, ...] = ()
    """Entries of clrface/catalogue/sources.yaml that `load` needs."""
    resolution: int = 0
    """The one size, in pixels a side, that the method takes; 0 for any that the config may ask for."""
    external: bool = False
    """True for a program in a repository of its own (clrface.external): it has no file in clrface/baselines/."""
    unable: str = ""
    """Why it can't run anywhere yet, of an external method; empty if it can."""
    class_name: str = "Restorer"
    """The class that restores, in the card's file."""

    @property
    def family(self) -> str:
        """The method whose weights and config block this one uses: itself, or what it is a part of."""
        return self.part_of or self.name


@runtime_checkable
class Restorer(Protocol):
    """A restoration method. A file of clrface/baselines holds such a class, made with its card's `params`, and the card."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Get ready: read the weights (a folder, None for a method without) and move to `device`.

        `sources` is the folder of fetched sources (data/raw). Raises UserError for weights that don't fit.
        """
        ...

    def restore(self, lq: "torch.Tensor", seeds: list[int]) -> "torch.Tensor":
        """Restore (B, 3, H, W) float32 RGB in [0, 1] to the same shape and range, with one seed an image.

        An image's result depends on its own pixels and seed alone, not on its batch.
        """
        ...


class SeesTruth(Protocol):
    """A control whose card says `sees_truth`: a bound that no method can reach fairly."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """As a Restorer's."""
        ...

    def restore(self, lq: "torch.Tensor", seeds: list[int], truth: "torch.Tensor") -> "torch.Tensor":
        """As a Restorer's, with the ground truth of the same shape."""
        ...


@dataclass(frozen=True)
class MetricCard:
    """What a metric says of itself: a dict of its family's literal `CARDS`, which has the keys of `MetricCode` too."""

    id: str
    label: str
    direction: Literal["higher", "lower"]
    unit: str
    level: Literal["image", "set"]
    needs_reference: bool
    """Whether `update` gets a paired image as `ref`: the ground truth, or the input."""
    decimals: int
    definition: str
    """What it computes, in one or two sentences: inputs, colour, range, network, reduction."""
    citation: str
    """The paper, or the repository, whose definition this is."""
    assets: tuple[str, ...] = ()
    """Entries of clrface/catalogue/sources.yaml that it reads."""
    diagnostic: bool = False
    """True for the opinion of a network that methods are trained on: shown, never ranked."""
    against: Literal["truth", "input", "clean", "gallery"] = "truth"
    """What the restored faces are held against: their own ground truth, their degraded input, another set's clean faces, or a gallery of
    clean photographs of the same people and of others. The last three ask for no ground truth."""
    cached: bool = False
    """True if the class takes a folder `cache` too, to keep a network's features in: see clrface.metrics.networks.memory."""

    template: Literal["", "utkface", "ffhq"] = ""
    """How faces must be aligned for its network to look at the right place: by a template of clrface.align.templates; empty for any way."""

    failed_as: float | None = None
    """What a failed image counts as in the mean, where the definition divides by the number of all images; None: it is left out."""

    @property
    def needs_truth(self) -> bool:
        """False for what a test set without ground truth can be measured by."""
        return self.needs_reference and self.against == "truth"

    @property
    def resamples(self) -> Literal["images", "people"]:
        """What its bootstrap draws: people where recognition is measured, each with all photographs."""
        return "people" if self.against == "gallery" else "images"


@dataclass(frozen=True)
class MetricCode:
    """What a metric's card says of its code, and what must hold of its values."""

    class_name: str
    """The class in the card's module."""
    params: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the class: how this variant differs from the others."""
    network: str = ""
    """The module of clrface.metrics.networks that it looks through, or another package's module, given to the class as `network`."""
    on_device: bool = False
    """Whether its network runs on the run's `device`: then its job asks for a GPU where that is one."""
    perfect: float | None = None
    """What the ground truth scores against itself (infinity is written 1e999); None where that is no fixed number."""
    lowest: float | None = None
    """No value lies below; None where there is no such bound."""
    highest: float | None = None
    """No value lies above."""


@runtime_checkable
class ImageMetric(Protocol):
    """A metric with one value an image: a class that a card names (docs/how-to/add-a-metric.md)."""

    def update(self, pred: "np.ndarray", ref: "np.ndarray | None") -> None:
        """Take a batch, both (B, 3, H, W) float32 RGB in [0, 1]; `ref` is None when there is no ground truth."""
        ...

    def result(self) -> list[Score]:
        """One score for each image taken so far, in the order of the updates."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A metric with one value for a set of images: a class that a card names."""

    def update(self, pred: "np.ndarray", ref: "np.ndarray | None") -> None:
        """Take a batch, both (B, 3, H, W) float32 RGB in [0, 1]."""
        ...

    def result(self, indices: "np.ndarray | None" = None) -> float:
        """The value over all images taken, or over those at `indices` (with repeats), for the bootstrap."""
        ...
