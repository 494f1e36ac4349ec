"""The pixel diffusion's sampler, with a network that knows the answer: whatever the start, it must end there."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from clrface.baselines.pixel_diffusion import Restorer
from clrface.errors import UserError
from clrface.models.pixel_diffusion import PixelSampler
from clrface.restoration.sampler import training_schedule

X_0 = torch.linspace(-0.9, 0.9, 3 * 8 * 8).reshape(1, 3, 8, 8)


class KnownAnswer:
    """Predicts the v that leads to `answer`, and notes its times and what it saw then."""

    def __init__(self, answer: torch.Tensor = X_0) -> None:
        self.answer = answer
        self.times: list[int] = []
        self.seen: list[torch.Tensor] = []

    def __call__(self, x_and_y: torch.Tensor, t: torch.Tensor) -> Any:
        self.times.append(int(t[0]))
        self.seen.append(x_and_y[:, :3])
        alpha_squared = training_schedule().alphas_cumprod[int(t[0])]
        return SimpleNamespace(sample=(alpha_squared.sqrt() * x_and_y[:, :3] - self.answer) / (1 - alpha_squared).sqrt())


@pytest.mark.parametrize(("start", "evaluations"), [("noise", 20), ("estimate", 1 + 8)])
def test_it_ends_at_the_answer_in_as_many_evaluations_as_it_says(start: Any, evaluations: int) -> None:
    network = KnownAnswer()
    sampler = PixelSampler(network, start, total_steps=20, steps=8)  # type: ignore[arg-type]
    restored = sampler.restore(torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), [1, 2])
    torch.testing.assert_close(restored, ((X_0 + 1) / 2).expand(2, -1, -1, -1), atol=2e-3, rtol=0)
    assert len(network.times) == evaluations and network.times[0] == 999
    assert network.times[1 if start == "estimate" else 0 :] == sorted(network.times[1 if start == "estimate" else 0 :], reverse=True)


def test_a_clipped_estimate_and_its_noise_add_up() -> None:
    """An answer beyond the range is clipped; without fresh noise (eta 0) every x_t then lies between that and one noise."""
    network = KnownAnswer(3 * X_0)
    PixelSampler(network, "noise", total_steps=20, steps=20, eta=0.0).restore(torch.rand(1, 3, 8, 8), [1])  # type: ignore[arg-type]
    clipped, alphas_squared = (3 * X_0).clamp(-1, 1), training_schedule().alphas_cumprod
    noises = [
        (x - alphas_squared[t].sqrt() * clipped) / (1 - alphas_squared[t]).sqrt() for t, x in zip(network.times, network.seen, strict=True)
    ]
    torch.testing.assert_close(torch.stack(noises), noises[0].expand(20, -1, -1, -1, -1), atol=2e-3, rtol=0)


def test_totals_that_diffusers_would_step_past_are_refused() -> None:
    with pytest.raises(UserError, match="total that divides 1,000"):
        Restorer(start="estimate", total_steps=80, steps=8, eta=0.5)
