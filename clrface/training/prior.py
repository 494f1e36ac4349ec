"""Stage `prior`: conditional score matching on clean latents (CLR-Face's diffusion prior).

Notation: z_0 = E(x), z_y = E(y); z_t = alpha_t z_0 + sigma_t eps, alpha_t^2 + sigma_t^2 = 1 (variance preserving, cosine
schedule); the network predicts v = alpha_t eps - sigma_t z_0 (Salimans and Ho 2022), which holds the score.
"""

from pathlib import Path

import torch
from diffusers import UNet2DModel
from torch.nn import functional

from clrface.models.autoencoder import Autoencoder
from clrface.models.loading import load_network, move
from clrface.models.unet import latent_unet
from clrface.noise import normal, uniform
from clrface.restore.sampler import Sampler, SamplerSpec, training_schedule
from clrface.training.data import Batch
from clrface.training.stage import Scalars, Stage, StageSpec


class PriorStage(Stage):
    """No options. Needs the autoencoder."""

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / "autoencoder"), device)
        channels = self.autoencoder.config["latent_channels"]
        self.main: UNet2DModel = latent_unet(2 * channels, channels, **spec.network)
        self.schedule = training_schedule()

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        with torch.no_grad():
            z_0 = self.autoencoder.encode(batch["hq"]).float()
            z_y = self.autoencoder.encode(batch["lq"]).float()
        eps = normal(batch["seed"].tolist(), tuple(z_0.shape[1:]), "prior noise").to(z_0.device)
        t = (uniform(batch["seed"].tolist(), "prior time") * self.schedule.config["num_train_timesteps"]).long().to(z_0.device)
        z_t = self.schedule.add_noise(z_0, eps, t)
        v = self.schedule.get_velocity(z_0, eps, t)
        pred = self.call["main"](torch.cat([z_t, z_y], 1), t).sample
        loss = functional.mse_loss(pred.float(), v)
        return loss, {"loss": loss.item()}

    def sheet(self, batch: Batch) -> torch.Tensor:
        z_y = self.autoencoder.encode(batch["lq"])
        sampler = Sampler(self.main, SamplerSpec(start="noise", steps=16, solver="ddim"))
        z = sampler.run(normal(batch["seed"].tolist(), tuple(z_y.shape[1:]), "restore").to(z_y.device), z_y)
        return torch.stack([batch["lq"], self.autoencoder.decode(z).clamp(0, 1), batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 3
