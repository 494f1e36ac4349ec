"""What a training stage is: its networks, their losses, its sample sheet, the weights it keeps."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from diffusers import ModelMixin
from torch import nn

from clrface.degradation.draw import Degradation
from clrface.models.loading import save_network
from clrface.training.data import Batch, Faces, Latents

Scalars = dict[str, float]


@dataclass(frozen=True)
class StageSpec:
    """A stage's numbers, from the config's `training.stages.<stage>`; `options` are the stage's
    own.

    clrface.config.stages has each one's meaning, range and default.
    """

    name: str
    steps: int
    batch: int
    learning_rate: float
    network: dict[str, Any]
    options: dict[str, Any]
    ema_decay: float
    warmup: int
    checkpoint_every: int
    sample_every: int
    log_every: int
    grey_probability: float
    gradient_checkpointing: bool
    template: str = "utkface"
    """How the training faces are aligned: a key of clrface.models.recogniser.TEMPLATES."""


class Stage(ABC):
    """One network's training.

    `main` is kept (its exponential moving average). On each batch the networks of `networks` take
    turns: loss, gradient, update.
    """

    main: nn.Module
    call: dict[str, nn.Module]
    """The networks as the loop wraps them for several devices: a loss calls these, not `main`
    itself.
    """
    shadow: Callable[[torch.Tensor], torch.Tensor]
    """The moving average of one of `main`'s parameters, for a stage that moves parameters by hand.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        """Make the networks.

        Args:
            sources: the folder of fetched sources (data/raw).
            models: the folder that holds the stages trained before this one, by name.

        Raises: UserError for weights that are missing, damaged, or don't fit.
        """
        self.spec, self.sources, self.models, self.device = spec, sources, models, device

    def networks(self) -> dict[str, nn.Module]:
        """Return the networks that learn, by the name of their turn, in order."""
        return {"main": self.main}

    def differentiated(self) -> list[nn.Module]:
        """Return the networks whose layers the backward pass needs: those that learn, and frozen
        ones between them and a loss.
        """
        return list(self.networks().values())

    @abstractmethod
    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        """Return the turn's loss on a batch, a scalar (None: no update at this step), and the
        scalars to log.
        """

    @abstractmethod
    def sheet(self, batch: Batch) -> torch.Tensor:
        """Return rows of sample images, (N, 3, H, W) in [0, 1], N a multiple of `columns`; `main`
        has the averaged weights.
        """

    @property
    @abstractmethod
    def columns(self) -> int:
        """Return how many images make a row of the sheet."""

    def latents(self, faces: Faces, digest: str, degradation: Degradation, place: Path, rank: int, world: int) -> Latents | None:
        """Return cached latents of the training faces, in the folder `place`; None for a stage that
        needs none. See `clrface.training.latents.keep_latents`.
        """
        return None

    def before_step(self, batch: Batch, step: int) -> None:
        """Do what precedes a step's losses, such as starting a codebook."""

    def after_step(self, batch: Batch, step: int) -> None:
        """Do what follows a step, such as reviving codes."""

    def finish(self, batches: list[Batch]) -> None:
        """Measure what depends on the final, averaged weights, on batches of training pairs."""

    def save(self, folder: Path) -> None:
        """Write the main network in half precision, as safetensors."""
        save_network(cast(ModelMixin, self.main), folder)
