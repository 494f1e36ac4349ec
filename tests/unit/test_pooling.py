"""Max pooling by shifted maps: torch's values, bit by bit, and torch's own layer where gradients are asked for."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from clrface.metrics.networks import pooling
from clrface.metrics.networks.pooling import MaxPool, max_pool, use_fast_pooling


def maps(*shape: int) -> torch.Tensor:
    """Values of both signs, with ties."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).mul(4).round()


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(3, 5), (8, 9), (9, 8), (31, 12)])
def test_the_values_are_torch_s(kernel: int, stride: int, size: tuple[int, int]) -> None:
    x = maps(2, 3, *size)
    with torch.inference_mode():
        for image in (x, x.to(memory_format=torch.channels_last), x[..., ::2]):
            pooled, expected = max_pool(image, kernel, stride), functional.max_pool2d(image, kernel, stride=stride)
            assert torch.equal(pooled, expected)
            assert pooled.stride() == expected.stride(), "the layout decides how the next layer rounds"


def test_a_value_that_is_no_number_stays_one() -> None:
    x = maps(1, 1, 6, 6)
    x[0, 0, 2, 3] = torch.nan
    with torch.inference_mode():
        torch.testing.assert_close(max_pool(x, 2, 2), functional.max_pool2d(x, 2), equal_nan=True)


def test_torch_does_it_with_gradients_and_refuses_what_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    x = maps(1, 2, 6, 6).requires_grad_()
    max_pool(x, 2, 2).sum().backward()
    assert x.grad is not None and x.grad.sum() == 2 * 9  # ties: torch's pooling gives all to the first, `maximum` a half to each
    assert set(x.grad.unique().tolist()) == {0, 1}
    with torch.inference_mode(), pytest.raises(RuntimeError, match="too small"):
        max_pool(maps(1, 1, 2, 2), 3, 1)
    monkeypatch.setattr(pooling, "reduce", lambda *_: pytest.fail("not on a GPU"))
    with torch.inference_mode():
        assert max_pool(torch.empty(1, 2, 6, 6, device="meta"), 2, 2).shape == (1, 2, 3, 3)


def test_a_network_s_plain_layers_are_replaced_wherever_they_are() -> None:
    inner = nn.Sequential(nn.Conv2d(3, 3, 1), nn.MaxPool2d(2))
    network = nn.Sequential(inner, nn.MaxPool2d(3, stride=1), nn.MaxPool2d(3, padding=1), nn.MaxPool2d(2, ceil_mode=True))
    x = maps(1, 3, 17, 17)
    with torch.inference_mode():
        before = network(x)
        use_fast_pooling(network)
        assert torch.equal(network(x), before)
    kinds = [type(layer) for layer in (inner[1], *network[1:])]
    assert kinds == [MaxPool, MaxPool, nn.MaxPool2d, nn.MaxPool2d]
    assert (inner[1].kernel, inner[1].stride) == (2, 2)
