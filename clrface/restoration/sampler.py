"""The reverse diffusion of CLR-Face's prior, by any of diffusers' solvers, from noise or from the
IRN's latent.

Notation (variance preserving): z_t = alpha_t z_0 + sigma_t eps with alpha_t^2 + sigma_t^2 = 1. The
network's output is v = alpha_t eps - sigma_t z_0, so z_0 is estimated as z0_hat = alpha_t z_t -
sigma_t v. Guidance replaces z0_hat by z0_hat - shift, and v by the v that agrees, (alpha_t z_t -
z0_hat) / sigma_t. Every solver then weighs the shift by its own step (DDIM: by alpha_s - alpha_t
sigma_s / sigma_t from t to s), fully at the last one: that is lambda_t.

Solvers: DDIM (Song et al. 2021), DPM-Solver++ (Lu et al. 2022), UniPC (Zhao et al. 2023), Euler and
Heun (Karras et al. 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from diffusers import (
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    UNet2DModel,
    UniPCMultistepScheduler,
)

from clrface.errors import UserError, unknown_name
from clrface.restoration.estimate import Estimate
from clrface.schedule import SCHEDULE, steps_problem, total_steps

SOLVERS: dict[str, Callable[[], Any]] = {
    # DPM-Solver++ of first order is DDIM (Lu et al. 2022). diffusers' own DDIM steps by 1000 // n: past its times, unless n divides 1000.
    "ddim": lambda: DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", solver_order=1, timestep_spacing="trailing"),
    "dpm++": lambda: DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", timestep_spacing="trailing"),
    "unipc": lambda: UniPCMultistepScheduler(**SCHEDULE, timestep_spacing="trailing"),
    "euler": lambda: EulerDiscreteScheduler(**SCHEDULE, timestep_spacing="trailing"),
    "heun": lambda: HeunDiscreteScheduler(**SCHEDULE, timestep_spacing="trailing"),
}
HEUN_FIRST = 980  # of 1,000: sigma is about 30 there
Guide = Callable[[torch.Tensor], torch.Tensor]
"""Map z0_hat (B, C, h, w) to the shift that is subtracted from it, of the same shape."""


@dataclass(frozen=True)
class Step:
    """The result of one evaluation of the prior's network; latents are (B, C, h, w)."""

    t: float
    """The time, as a share of the schedule, in (0, 1): near 1 is noise."""
    z_t: torch.Tensor
    """The noisy latent, of about unit variance, that the network gets."""
    z0_hat: torch.Tensor
    """The network's estimate, before guidance."""
    shift: torch.Tensor | None
    """What guidance subtracted from z0_hat; None where it was not applied."""


def training_schedule() -> DDPMScheduler:
    """Return the schedule that the prior is trained on: 1,000 times, cosine (Nichol and Dhariwal
    2021), v-prediction.
    """
    return DDPMScheduler(**SCHEDULE)


@dataclass(frozen=True)
class SamplerSpec:
    """How to sample."""

    start: Literal["noise", "irn"] = "irn"
    """What is refined: pure noise, or the IRN's latent with the noise of time t0."""
    t0: float = 0.1
    """The share of the schedule to run from the IRN's latent, in (0, 1]; unused from noise."""
    solver: str = "ddim"
    """A key of SOLVERS."""
    steps: int = 8
    """Solver steps that are run, at least 1. Each is one evaluation of the network; of Heun's, all
    but the last are two.
    """
    guidance_every: int = 4
    """Apply guidance every N network evaluations, counted back from the last one."""

    @property
    def total_steps(self) -> int:
        """Return the steps over the whole schedule, of which the last `steps` are run."""
        return total_steps(self.start, self.t0, self.steps)


class Sampler:
    """Draw a clean latent given the first estimate of a face.

    Args:
        prior: maps (B, 3C, h, w), which is z_t, z_y and z_I, and times in [0, 1000) to v, (B, C, h,
            w).

    Raises: UserError for an unknown solver, and for more steps over the whole schedule than
    clrface.schedule.MOST_STEPS.
    """

    def __init__(self, prior: UNet2DModel, spec: SamplerSpec):
        if spec.solver not in SOLVERS:
            raise unknown_name("solver", spec.solver, SOLVERS)
        if problem := steps_problem(spec.start, spec.t0, spec.steps):
            raise UserError(problem)
        self.prior, self.spec = prior, spec

    def run(
        self, eps: torch.Tensor, known: Estimate, guide: Guide | None = None, observe: Callable[[Step], None] | None = None
    ) -> torch.Tensor:
        """Sample z_0.

        Args:
            eps: (B, C, h, w) standard normal noise, the only randomness.
            known: the degraded image's and the IRN's latents, of the same shape each: the
                condition, and the start for `start: irn`.
            guide: see `Guide`.
            observe: gets every step; changes nothing.

        Returns: (B, C, h, w), z_0 in unit scale.
        """
        solver, timesteps = self._timesteps(eps.device)
        if self.spec.start == "irn":
            z = solver.add_noise(known.z_irn, eps, timesteps[:1].expand(len(eps)))
        else:
            z = eps * solver.init_noise_sigma
        for index, t in enumerate(timesteps):
            z_t = solver.scale_model_input(z, t)
            v = self.prior(torch.cat([z_t, known.condition], 1), t.expand(len(z)).to(z.device)).sample
            alpha, sigma = _signal_and_noise(solver.alphas_cumprod[int(t)].to(z))
            z0_hat, shift = alpha * z_t - sigma * v, None
            if guide is not None and (len(timesteps) - 1 - index) % self.spec.guidance_every == 0:
                shift = guide(z0_hat)
                v = (alpha * z_t - (z0_hat - shift)) / sigma
            if observe is not None:
                observe(Step(float(t) / SCHEDULE["num_train_timesteps"], z_t, z0_hat, shift))
            z = solver.step(v, t, z).prev_sample
        return z

    def timesteps(self) -> list[int]:
        """Return the times of a run, from noisy to clean, each in [0, 1000), one an evaluation."""
        return [int(t) for t in self._timesteps(torch.device("cpu"))[1]]

    def _timesteps(self, device: torch.device) -> tuple[Any, torch.Tensor]:
        """Make a solver and the timesteps to run: all of them from noise, the last `steps` from the
        IRN.
        """
        solver = SOLVERS[self.spec.solver]()
        total = self.spec.total_steps
        if self.spec.solver == "heun" and self.spec.start == "noise":
            # The cosine schedule ends at a sigma of 20,000, where a second-order step throws its estimate off.
            solver.set_timesteps(timesteps=np.linspace(HEUN_FIRST, 0, total + 1)[:-1].round().astype(int).tolist(), device=device)
        else:
            solver.set_timesteps(total, device=device)
        first = (total - self.spec.steps) * solver.order
        if hasattr(solver, "set_begin_index"):
            solver.set_begin_index(first)
        return solver, solver.timesteps[first:]


def _signal_and_noise(alpha_squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (alpha, sigma) of a time."""
    return alpha_squared.sqrt(), (1 - alpha_squared).sqrt()
