"""Conditional diffusion in pixel space: the network, and how it samples (SR3, Saharia et al. 2022;
DifFace, Yue and Loy 2024).

Notation: y the degraded face, x_0 the clean one, both in [-1, 1]; x_t = alpha_t x_0 + sigma_t eps,
the schedule of CLR-Face's prior; the network sees x_t and y at full size and predicts v = alpha_t
eps - sigma_t x_0.

`start: noise` is SR3's: from noise through the whole schedule. `start: estimate` is DifFace's: a
one-step estimate of x_0, diffused to a middle time, then refined. DifFace's estimate comes from a
network of its own (SwinIR); here it is this network's, at the last time, where x_t is noise and its
answer is the mean of all faces that y could be.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers import DDIMScheduler, UNet2DModel

from clrface.noise import normal
from clrface.schedule import SCHEDULE


@dataclass(frozen=True)
class PixelSampler:
    """Settings of a restoration; the defaults are DifFace's: 250 steps over all of the schedule,
    the last 100 run, eta 0.5. `clrface.schedule.pixel_steps_problem` checks the steps.
    """

    network: UNet2DModel
    """(B, 6, H, W), x_t and y side by side, and times in [0, 1000) to v, (B, 3, H, W)."""
    start: Literal["noise", "estimate"] = "estimate"
    total_steps: int = 250
    """A divisor of 1,000: diffusers' DDIM steps by 1000 // total_steps."""
    steps: int = 100
    """Of `total_steps`, how many are run from the estimate; from noise all are."""
    eta: float = 0.5
    """DDIM's noise in [0, 1] (Song et al. 2021, eq. 16): 0 for none, 1 for DDPM's."""

    @torch.no_grad()
    def restore(self, y: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        """Restore (B, 3, H, W) in [0, 1] to the same shape and range; `seeds` has one an image."""
        y = 2 * y - 1
        solver: Any = DDIMScheduler(**SCHEDULE, clip_sample=True, timestep_spacing="trailing")
        solver.set_timesteps(self.total_steps)
        timesteps = solver.timesteps if self.start == "noise" else solver.timesteps[-self.steps :]
        x = self._noise(seeds, y, "start")
        if self.start == "estimate":
            x = solver.add_noise(self._estimate(y, seeds, solver), x, timesteps[:1].expand(len(y)))
        for t in timesteps:
            v = self._predict(x, y, t)
            noise = self._noise(seeds, y, f"step {int(t)}")
            # With the clipped x_0 the noise must be recomputed, or the two don't add up to x_t.
            x = solver.step(v, int(t), x, eta=self.eta, use_clipped_model_output=True, variance_noise=noise).prev_sample
        return (x.clamp(-1, 1) + 1) / 2

    def _estimate(self, y: torch.Tensor, seeds: list[int], solver: Any) -> torch.Tensor:
        """x_0 in one step, from noise at the schedule's last time."""
        last = solver.timesteps[0]
        alpha_squared = solver.alphas_cumprod[int(last)]
        x = self._noise(seeds, y, "estimate")
        estimate = alpha_squared.sqrt() * x - (1 - alpha_squared).sqrt() * self._predict(x, y, last)
        return estimate.clamp(-1, 1)

    def _predict(self, x: torch.Tensor, y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.network(torch.cat([x, y], 1), t.expand(len(x)).to(x.device)).sample

    @staticmethod
    def _noise(seeds: list[int], y: torch.Tensor, purpose: str) -> torch.Tensor:
        return normal(seeds, tuple(y.shape[1:]), f"pixel diffusion {purpose}").to(y.device)
