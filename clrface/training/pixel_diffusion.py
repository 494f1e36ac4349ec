"""Stage `pixel_diffusion`: conditional denoising score matching on pixels (SR3, Saharia et al.
2022); see clrface.models.pixel_diffusion for the notation.
"""

from pathlib import Path

import torch
from diffusers import UNet2DModel

from clrface.models.pixel_diffusion import PixelSampler
from clrface.models.unet import latent_unet
from clrface.noise import normal, uniform
from clrface.restoration.sampler import training_schedule
from clrface.training.data import Batch
from clrface.training.stage import Scalars, Stage, StageSpec


class PixelDiffusionStage(Stage):
    """No options: the loss is the mean squared error of v, at a time drawn uniformly."""

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.main: UNet2DModel = latent_unet(6, 3, **spec.network)
        self.schedule = training_schedule()

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        x_0, y, seeds = 2 * batch["hq"] - 1, 2 * batch["lq"] - 1, batch["seed"].tolist()
        eps = normal(seeds, tuple(x_0.shape[1:]), "pixel noise").to(x_0.device)
        t = (uniform(seeds, "pixel time") * self.schedule.config["num_train_timesteps"]).long().to(x_0.device)
        pred = self.call["main"](torch.cat([self.schedule.add_noise(x_0, eps, t), y], 1), t).sample
        loss = (pred.float() - self.schedule.get_velocity(x_0, eps, t)).square().mean()
        return loss, {"loss": loss.item()}

    def sheet(self, batch: Batch) -> torch.Tensor:
        sampler = PixelSampler(self.main, total_steps=25, steps=10)
        return torch.stack([batch["lq"], sampler.restore(batch["lq"], batch["seed"].tolist()), batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 3
