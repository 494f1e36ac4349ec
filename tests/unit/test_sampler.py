"""The reverse diffusion against closed forms: a prior that knows the answer must be led to it by every solver."""

from dataclasses import asdict
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from clrface.config.load import load_config
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.noise import normal
from clrface.registry import method_card
from clrface.restoration.estimate import Estimate
from clrface.restoration.guidance import RecognitionFreeGuide, RecognitionGuide
from clrface.restoration.pipeline import Settings
from clrface.restoration.sampler import SOLVERS, Sampler, SamplerSpec, Step, training_schedule


class KnownAnswer(nn.Module):
    """The exact v for a point mass at z_0: the best network there could be for one image."""

    def __init__(self, z_0: torch.Tensor):
        super().__init__()
        self.z_0, self.calls = z_0, 0
        self.alphas_cumprod = training_schedule().alphas_cumprod

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> SimpleNamespace:
        self.calls += 1
        z_t = x[:, : self.z_0.shape[1]]
        alpha = self.alphas_cumprod[t.long()].sqrt()[:, None, None, None]
        sigma = (1 - alpha**2).sqrt()
        eps = (z_t - alpha * self.z_0) / sigma
        return SimpleNamespace(sample=alpha * eps - sigma * self.z_0)


Z0, EPS = normal([1, 2], (3, 8, 8), "truth"), normal([1, 2], (3, 8, 8), "noise")
Z_IRN = Z0 + 0.3 * normal([1, 2], (3, 8, 8), "off")


def known(z_y: torch.Tensor, z_irn: torch.Tensor) -> Estimate:
    """What the sampler is told of a face; its images don't matter here."""
    return Estimate(z_y, z_irn, torch.zeros(()), torch.zeros(()), torch.zeros(()))


KNOWN = known(Z0, Z_IRN)


@pytest.mark.parametrize("start", ["noise", "irn"])
@pytest.mark.parametrize("solver", list(SOLVERS))
def test_every_solver_reaches_the_answer(solver: str, start: str) -> None:
    prior = KnownAnswer(Z0)
    z = Sampler(prior, SamplerSpec(start=start, solver=solver, steps=8)).run(EPS, KNOWN)
    assert (z - Z0).abs().max() < 0.02
    assert prior.calls == (15 if solver == "heun" else 8)


class Gaussian(nn.Module):
    """The exact v for a prior N(0.5, 0.5^2) in each latent, independent: unlike a point mass, a solver can get it wrong."""

    def __init__(self):
        super().__init__()
        self.alphas_cumprod = training_schedule().alphas_cumprod

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> SimpleNamespace:
        z_t = x[:, :3]
        alpha = self.alphas_cumprod[t.long()].sqrt()[:, None, None, None]
        sigma = (1 - alpha**2).sqrt()
        z_0 = 0.5 + 0.25 * alpha / (0.25 * alpha**2 + sigma**2) * (z_t - alpha * 0.5)
        return SimpleNamespace(sample=alpha * (z_t - alpha * z_0) / sigma - sigma * z_0)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_every_solver_draws_a_gaussian_from_noise(solver: str) -> None:
    eps = normal([1, 2, 3, 4], (3, 32, 32), "noise")
    z = Sampler(Gaussian(), SamplerSpec(start="noise", solver=solver, steps=16)).run(
        eps, known(torch.zeros_like(eps), torch.zeros_like(eps))
    )
    assert z.mean().item() == pytest.approx(0.5, abs=0.05)
    assert z.std().item() == pytest.approx(0.5, abs=0.1)


def test_ddim_steps_between_its_own_times() -> None:
    """Song et al. 2021, equation 12 with eta 0, written out. 80 steps over the schedule are 12.5 apart: no whole number."""
    prior, sampler = Gaussian(), Sampler(Gaussian(), SamplerSpec(start="irn", t0=0.1, steps=8, solver="ddim"))
    eps, z_irn = normal([1], (3, 32, 32), "noise"), 0.5 * normal([1], (3, 32, 32), "start")
    _, timesteps = sampler._timesteps(torch.device("cpu"))
    alphas = [prior.alphas_cumprod[int(t)].sqrt() for t in timesteps] + [torch.ones(())]
    z = alphas[0] * z_irn + (1 - alphas[0] ** 2).sqrt() * eps
    for t, alpha, after in zip(timesteps, alphas[:-1], alphas[1:], strict=True):
        v = prior(torch.cat([z, z, z], 1), t.expand(1)).sample
        z_0, noise = alpha * z - (1 - alpha**2).sqrt() * v, alpha * v + (1 - alpha**2).sqrt() * z
        z = after * z_0 + (1 - after**2).sqrt() * noise
    assert len({int(a - b) for a, b in pairwise(timesteps)}) == 2, "12 and 13 by turns"
    torch.testing.assert_close(sampler.run(eps, known(z_irn, z_irn)), z, atol=1e-4, rtol=0)


def test_more_steps_than_the_schedule_has_are_refused() -> None:
    with pytest.raises(UserError, match="Lower `steps` or raise `t0`"):
        Sampler(KnownAnswer(Z0), SamplerSpec(start="irn", t0=0.1, steps=64))


def test_starting_from_the_irn_begins_at_t0() -> None:
    for t0, first in ((0.25, 249), (0.5, 499), (1.0, 999)):
        _, timesteps = Sampler(KnownAnswer(Z0), SamplerSpec(start="irn", t0=t0, steps=8))._timesteps(torch.device("cpu"))
        assert abs(int(timesteps[0]) - first) <= 1 and len(timesteps) == 8


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_recognition_free_guidance_leads_to_the_irn_where_the_mask_lets_it(solver: str) -> None:
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., :4] = 1
    z = Sampler(KnownAnswer(Z0), SamplerSpec(solver=solver, steps=8, guidance_every=1)).run(
        EPS, KNOWN, RecognitionFreeGuide(Z_IRN, mask, 1.0)
    )
    assert (z - Z_IRN)[..., :4].abs().max() < 0.02
    assert (z - Z0)[..., 4:].abs().max() < 0.02


class Linear(nn.Module):
    """Stands for the recogniser: a fixed linear map, so that a step of guidance has a closed form."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, 16, bias=False)
        nn.init.normal_(self.layer.weight, generator=torch.Generator().manual_seed(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.layer(x.flatten(1)), dim=1)


def test_a_step_of_guidance_is_polyaks_and_ends_at_the_target() -> None:
    recogniser = Linear()
    target, x = (0.5 + 0.05 * normal([seed, seed + 1], (3, 8, 8), "face") for seed in (1, 7))
    distance = 1 - (recogniser(x) * recogniser(target)).sum(1)
    guide = RecognitionGuide(lambda z: z, recogniser, recogniser(target), torch.ones(2, 1, 8, 8), 1.0)
    shift = guide(x)
    z = x.clone().requires_grad_(True)
    (g,) = torch.autograd.grad((1 - (recogniser(z) * recogniser(target)).sum(1)).sum(), z)
    assert torch.allclose((shift * g).sum((1, 2, 3)), distance, rtol=1e-3), "were d linear, the step would bring it to 0"
    nearer = 1 - (recogniser(x - shift) * recogniser(target)).sum(1)
    assert (nearer < distance).all()
    assert guide(target).abs().max() < 1e-3
    half = torch.ones(2, 1, 8, 8)
    half[..., 4:] = 0
    masked = RecognitionGuide(lambda z: z, recogniser, recogniser(target), half, 1.0)(x)
    assert torch.allclose(masked[..., :4], shift[..., :4]) and not masked[..., 4:].any()


def test_an_image_does_not_depend_on_its_batch() -> None:
    spec = SamplerSpec(steps=4)
    whole = Sampler(KnownAnswer(Z0), spec).run(EPS, KNOWN)
    alone = Sampler(KnownAnswer(Z0[1:]), spec).run(EPS[1:], known(Z0[1:], Z_IRN[1:]))
    assert torch.allclose(whole[1:], alone, atol=1e-6)


def test_an_unknown_solver_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'ddim'"):
        Sampler(KnownAnswer(Z0), SamplerSpec(solver="ddmi"))


def test_the_defaults_are_the_same_wherever_they_stand() -> None:
    config = load_config([ROOT / "config" / "embedded.yaml"])
    assert asdict(Settings()) == method_card("clrface").params == config["clrface"]
    assert {"part": "truth_guided", **config["clrface"]} == method_card("clrface_parts").params
    assert config["training"]["stages"]["mask"]["options"]["scale"] == Settings().guidance_scale
    assert config["training"]["stages"]["mask"]["options"]["t0"] >= Settings().t0, "times that a restoration meets"


def test_noise_comes_from_the_seed_alone() -> None:
    assert torch.equal(normal([5, 6], (2,), "x")[1], normal([6], (2,), "x")[0])
    assert not torch.equal(normal([5], (2,), "x"), normal([5], (2,), "y"))
    assert np.isclose(normal(list(range(200)), (50,), "x").std().item(), 1, atol=0.02)


@pytest.mark.parametrize("start", ["noise", "irn"])
@pytest.mark.parametrize("solver", list(SOLVERS))
def test_an_observer_sees_every_evaluation_and_changes_nothing(solver: str, start: str) -> None:
    prior, seen = KnownAnswer(Z0), list[Step]()
    sampler = Sampler(prior, SamplerSpec(start=start, solver=solver, steps=4, guidance_every=2))
    unseen = sampler.run(EPS, KNOWN, lambda z0_hat: 0.1 * z0_hat)
    prior.calls = 0
    assert torch.equal(sampler.run(EPS, KNOWN, lambda z0_hat: 0.1 * z0_hat, seen.append), unseen)
    assert len(seen) == prior.calls == (7 if solver == "heun" else 4)
    assert [step.shift is not None for step in reversed(seen)] == [place % 2 == 0 for place in range(len(seen))]
    assert all(0 < later.t <= earlier.t <= 1 for earlier, later in pairwise(seen))
    for step in seen:
        torch.testing.assert_close(step.z0_hat, Z0, atol=0.05, rtol=0)
        assert step.shift is None or torch.equal(step.shift, 0.1 * step.z0_hat)
