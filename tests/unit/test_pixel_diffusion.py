"""The pixel diffusion's sampler, with a network that knows the answer: whatever the start, it must end there."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from clrface.models.pixel_diffusion import PixelSampler
from clrface.restore.sampler import training_schedule

X_0 = torch.linspace(-0.9, 0.9, 3 * 8 * 8).reshape(1, 3, 8, 8)


class KnownAnswer:
    """Predicts the v that leads to X_0, and notes its times."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def __call__(self, x_and_y: torch.Tensor, t: torch.Tensor) -> Any:
        self.times.append(int(t[0]))
        alpha_squared = training_schedule().alphas_cumprod[int(t[0])]
        return SimpleNamespace(sample=(alpha_squared.sqrt() * x_and_y[:, :3] - X_0) / (1 - alpha_squared).sqrt())


@pytest.mark.parametrize(("start", "evaluations"), [("noise", 20), ("estimate", 1 + 8)])
def test_it_ends_at_the_answer_in_as_many_evaluations_as_it_says(start: Any, evaluations: int) -> None:
    network = KnownAnswer()
    sampler = PixelSampler(network, start, total_steps=20, steps=8)  # type: ignore[arg-type]
    restored = sampler.restore(torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), [1, 2])
    torch.testing.assert_close(restored, ((X_0 + 1) / 2).expand(2, -1, -1, -1), atol=2e-3, rtol=0)
    assert len(network.times) == evaluations and network.times[0] == 999
    assert network.times[1 if start == "estimate" else 0 :] == sorted(network.times[1 if start == "estimate" else 0 :], reverse=True)
