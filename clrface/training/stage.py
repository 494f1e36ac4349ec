"""What a training stage is: networks, their losses, what to look at, and what to keep."""

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

    clrface.config.stages says what each is, its range and its default.
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

    `main` is kept (its EMA); `turns` are taken one after the other on each batch.
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

        `sources`: data/raw; `models`: the folder that holds the stages trained before this one.
        """
        self.spec, self.sources, self.models, self.device = spec, sources, models, device

    def networks(self) -> dict[str, nn.Module]:
        """The networks that learn, by turn."""
        return {"main": self.main}

    def differentiated(self) -> list[nn.Module]:
        """The networks whose layers the backward pass needs: those that learn, and those that a
        loss looks through.
        """
        return list(self.networks().values())

    @abstractmethod
    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        """The turn's loss on a batch (None: no update at this step), and the scalars to log."""

    @abstractmethod
    def sheet(self, batch: Batch) -> torch.Tensor:
        """Rows of images, (N, 3, H, W) in [0, 1], for a look at how it goes; the EMA's weights are
        in place.
        """

    @property
    @abstractmethod
    def columns(self) -> int:
        """How many images make a row of the sheet."""

    def latents(self, faces: Faces, digest: str, degradation: Degradation, place: Path, rank: int, world: int) -> Latents | None:
        """Kept latents of the training faces, in `place`, for a stage that wants them; `digest` is
        the faces'.
        """
        return None

    def before_step(self, batch: Batch, step: int) -> None:
        """Anything to do before a step's losses, such as starting a codebook."""

    def after_step(self, batch: Batch, step: int) -> None:
        """Anything to do between steps, such as reviving codes."""

    def finish(self, batches: list[Batch]) -> None:
        """Anything to measure once the weights stand; they are the EMA's."""

    def save(self, folder: Path) -> None:
        """Write the main network in half precision, as safetensors."""
        save_network(cast(ModelMixin, self.main), folder)
