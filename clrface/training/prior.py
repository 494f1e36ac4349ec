"""Stages `prior` and the ablation's `prior_*`: conditional denoising score matching on clean
latents (CLR-Face's diffusion prior).

Notation: z_0 = E(x), z_y = E(y), z_I = E(IRN(y)); z_t = alpha_t z_0 + sigma_t eps, alpha_t^2 +
sigma_t^2 = 1 (variance preserving; cosine schedule, Nichol and Dhariwal 2021); the network sees
z_t, z_y, z_I and predicts v = alpha_t eps - sigma_t z_0 (Salimans and Ho 2022). L = mean of its
squared error. The score is -(alpha_t v + sigma_t z_t) / sigma_t.
"""

from pathlib import Path

import torch
from diffusers import UNet2DModel

from clrface.degradation.draw import Degradation
from clrface.models.autoencoder import Autoencoder
from clrface.models.loading import load_network, move
from clrface.models.unet import RestorationUNet, latent_unet
from clrface.noise import normal, uniform
from clrface.restoration.estimate import estimate
from clrface.restoration.sampler import Sampler, SamplerSpec, training_schedule
from clrface.stages import NEEDS
from clrface.training.data import Batch, Faces, Latents
from clrface.training.latents import keep_latents, looks
from clrface.training.stage import Scalars, Stage, StageSpec


class PriorStage(Stage):
    """Option `near_t0`, in (0, 1]: each pair is used twice, at a time of the whole schedule and at
    one below this share of it.

    Restorations from the IRN's latent take place below it. The encoder and the IRN, about as costly
    as the prior, run once for both. Option `cache_latents`: z_0 is encoded once for the whole
    training (clrface.training.latents). Needs stages `autoencoder` (or `autoencoder_*`) and `irn`.
    """

    def __init__(self, spec: StageSpec, sources: Path, models: Path, device: torch.device):
        super().__init__(spec, sources, models, device)
        self.autoencoder = move(load_network(Autoencoder, models / NEEDS[spec.name][0]), device)
        self.irn = move(load_network(RestorationUNet, models / "irn"), device)
        channels = self.autoencoder.config["latent_channels"]
        self.main: UNet2DModel = latent_unet(3 * channels, channels, **spec.network)
        self.schedule = training_schedule()

    def loss(self, turn: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, Scalars]:
        z_0 = batch["latent"] if "latent" in batch else self._encoded(batch["hq"])
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        seeds, shape = batch["seed"].tolist(), tuple(z_0.shape[1:])
        draws = {"all": 1.0, "near": self.spec.options["near_t0"]}
        eps = torch.cat([normal(seeds, shape, f"prior noise {name}") for name in draws]).to(z_0.device)
        t = torch.cat([uniform(seeds, f"prior time {name}") * share for name, share in draws.items()])
        t = (t * self.schedule.config["num_train_timesteps"]).long().to(z_0.device)
        z_0, condition = z_0.repeat(2, 1, 1, 1), known.condition.repeat(2, 1, 1, 1)
        z_t = self.schedule.add_noise(z_0, eps, t)
        pred = self.call["main"](torch.cat([z_t, condition], 1), t).sample
        error = (pred.float() - self.schedule.get_velocity(z_0, eps, t)).square().mean((1, 2, 3))
        scalars = {name: part.mean().item() for name, part in zip(draws, error.detach().chunk(2), strict=True)}
        return error.mean(), {"loss": error.mean().item(), **scalars}

    def _encoded(self, hq: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.autoencoder.encode(hq).float()

    def latents(self, faces: Faces, digest: str, degradation: Degradation, place: Path, rank: int, world: int) -> Latents | None:
        if not self.spec.options.get("cache_latents"):
            return None
        shown, weights = looks(self.spec.grey_probability, degradation), self.models / NEEDS[self.spec.name][0]
        return keep_latents(self.autoencoder, weights, faces, digest, shown, place, rank, world)

    def sheet(self, batch: Batch) -> torch.Tensor:
        known = estimate(self.autoencoder, self.irn, batch["lq"])
        sampler = Sampler(self.main, SamplerSpec(start="noise", steps=16, solver="ddim"))
        eps = normal(batch["seed"].tolist(), tuple(known.z_y.shape[1:]), "restore").to(known.z_y.device)
        images = (self.autoencoder.decode(sampler.run(eps, known)) + known.chroma).clamp(0, 1)
        return torch.stack([batch["lq"], known.x_irn, images, batch["hq"]], 1).flatten(0, 1)

    @property
    def columns(self) -> int:
        return 4
