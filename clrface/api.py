"""The two contracts of this project: a method restores, a metric measures.

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
"""How the status begins of an image that a metric's definition leaves out of its mean. Such an
image has no value, and is no failure.
"""


class Score(NamedTuple):
    """One image's value; NaN, with the reason as `status`, where it could not be measured."""

    value: float
    status: str = OK


@dataclass(frozen=True)
class MethodCard:
    """Describe a method.

    A method's file holds its card as a literal `CARD`, so that reading it imports nothing.
    """

    name: str
    label: str
    stochastic: bool
    paper: str = ""
    licence: str = ""
    trained_here: bool = False
    """True when `weights` (shipped, fit, a path, a hub id) applies: the weights lie in
    `models/<name>/`.
    """
    part_of: str = ""
    """For a control that shows a part of another method: that method. The control shares its
    weights, parameters and config block.
    """
    control: bool = False
    """True for a row that tests a table or explains a method, and doesn't compete. It is left out
    of the ranking.
    """
    sees_truth: bool = False
    """True for controls alone: `restore` then gets the ground truth as a third argument."""
    params: dict[str, Any] = field(default_factory=dict)
    """The parameters that the config may set, with their defaults."""
    accepts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a parameter may be, as JSON Schema with a `description`. A parameter that is left out
    takes values of its default's type.
    """
    assets: tuple[str, ...] = ()
    """Entries of clrface/catalogue/sources.yaml that `load` needs."""
    resolution: int = 0
    """The one size, in pixels a side, that the method takes; 0 for any size."""
    external: bool = False
    """True for a program in a repository of its own (clrface.external). It has no file in
    clrface/baselines/.
    """
    unable: str = ""
    """Why an external method can't run anywhere yet; empty if it can."""
    class_name: str = "Restorer"
    """The class that restores, in the card's file."""

    @property
    def family(self) -> str:
        """The method whose weights and config block this one uses: `part_of`, or itself."""
        return self.part_of or self.name


@runtime_checkable
class Restorer(Protocol):
    """A restoration method.

    A file of clrface/baselines holds the card and such a class, made with the card's `params`.
    """

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Read the weights and move to the device.

        Args:
            weights: a folder; None for a method without weights.
            device: `cpu`, `cuda` or `mps`.
            sources: the folder of fetched sources (data/raw).

        Raises: UserError for weights that don't fit.
        """
        ...

    def restore(self, lq: "torch.Tensor", seeds: list[int]) -> "torch.Tensor":
        """Restore a batch of aligned faces.

        An image's result depends on its own pixels and seed alone, not on its batch.

        Args:
            lq: (B, 3, H, W) float32 RGB in [0, 1].
            seeds: one an image.

        Returns: the restored faces, of the same shape and range.
        """
        ...


class SeesTruth(Protocol):
    """A control whose card says `sees_truth`. It shows a bound that no method can reach fairly."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """See `Restorer.load`."""
        ...

    def restore(self, lq: "torch.Tensor", seeds: list[int], truth: "torch.Tensor") -> "torch.Tensor":
        """See `Restorer.restore`; `lq` and the ground truth `truth` are (B, 3, H, W) in [0, 1]."""
        ...


@dataclass(frozen=True)
class MetricCard:
    """Describe a metric.

    A family's module holds a dict for each metric in its literal `CARDS`, which has the keys of
    `MetricCode` too.
    """

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
    """True for a metric whose network methods are trained on: shown, never ranked."""
    against: Literal["truth", "input", "clean", "gallery"] = "truth"
    """What the restored faces are compared with.

    `truth`: their own ground truth. `input`: their degraded input. `clean`: clean faces of another
    set. `gallery`: clean photographs of the same people and of others. The last three need no
    ground truth.
    """
    cached: bool = False
    """True if the class takes a folder `cache` too, in which features are kept
    (clrface.metrics.networks.memory).
    """

    template: Literal["", "utkface", "ffhq"] = ""
    """The template of clrface.align.templates to which faces must be aligned for the network; empty
    for any.
    """

    failed_as: float | None = None
    """The value of a failed image where the definition divides by the number of all images. None: a
    failed image is left out of the mean.
    """

    @property
    def needs_truth(self) -> bool:
        """Whether the metric needs ground truth; False for what a test set without it can be
        measured by.
        """
        return self.needs_reference and self.against == "truth"

    @property
    def resamples(self) -> Literal["images", "people"]:
        """What the bootstrap draws: people where recognition is measured, each with all
        photographs; else images.
        """
        return "people" if self.against == "gallery" else "images"


@dataclass(frozen=True)
class MetricCode:
    """Say where a metric's code is, and which bounds its values keep."""

    class_name: str
    """The class in the card's module."""
    params: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the class, which distinguish this variant from the others."""
    network: str = ""
    """The module of clrface.metrics.networks, or of another package, that the class gets as
    `network`.
    """
    on_device: bool = False
    """Whether its network runs on the run's `device`. Its job then asks for a GPU where that is
    one.
    """
    perfect: float | None = None
    """The ground truth's score against itself (infinity is written 1e999); None where it is no
    fixed number.
    """
    lowest: float | None = None
    """Lower bound of the value; None for no bound."""
    highest: float | None = None
    """Upper bound of the value; None for no bound."""


@runtime_checkable
class ImageMetric(Protocol):
    """A metric with one value an image: a class that a card names (docs/how-to/add-a-metric.md)."""

    def update(self, pred: "np.ndarray", ref: "np.ndarray | None") -> None:
        """Take a batch.

        Args:
            pred: the restored images, (B, 3, H, W) float32 RGB in [0, 1].
            ref: what they are compared with, of the same shape and range; None where there is no
                ground truth.
        """
        ...

    def result(self) -> list[Score]:
        """Return one score for each image taken so far, in the order of the updates."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A metric with one value for a set of images: a class that a card names."""

    def update(self, pred: "np.ndarray", ref: "np.ndarray | None") -> None:
        """Take a batch, (B, 3, H, W) float32 RGB in [0, 1] each; see `ImageMetric.update`."""
        ...

    def result(self, indices: "np.ndarray | None" = None) -> float:
        """Return the value over all images taken.

        Args:
            indices: (m,) places of images, with repeats, as the bootstrap draws them; None for all
                images.
        """
        ...


@runtime_checkable
class ReplicatedMetric(SetMetric, Protocol):
    """A set metric that computes all resamples of the bootstrap at once.

    Without it, `result` is called for each of them.
    """

    def replicates(self, counts: "np.ndarray") -> "np.ndarray":
        """Return the value of each resample, (n_boot,); NaN where it has too few images for a value.

        Args:
            counts: (n_boot, n) how many times each resample takes each image, in the order of the
                updates.
        """
        ...
