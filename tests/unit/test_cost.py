"""The cost of a restoration: counted on real methods and by closed forms."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import to_unit
from clrface.models.loading import load_network
from clrface.models.unet import RestorationUNet
from clrface.registry import method_card
from clrface.study.cost import Contender, Counter, Place, _count, _Process, measure_costs
from clrface.tables.costs import Cost, write_cost_table

STAGES = {"unet": [("unet", "unet")], "codebook": [("codebook", "codebook_vq"), ("codebook", "codebook")]}


def contender(method: str, **params: object) -> Contender:
    card = method_card(method)
    return Contender(method, card.label, method, card.family, card.params | params, card.trained_here, STAGES.get(method, []))


@pytest.fixture(scope="module")
def place(orl_faces: dict[str, np.ndarray], sources: Path) -> Place:
    return Place("shipped", sources, "cpu", to_unit(np.stack(list(orl_faces.values())[:4])) * np.float32(0.9))


@pytest.fixture(scope="module")
def costs(place: Place) -> dict[str, Cost]:
    rows = [
        contender("wiener"),
        contender("unet"),
        contender("pixel_diffusion", steps=3, total_steps=10),
        contender("clrface", steps=2, guidance="none"),
        contender("codebook"),
    ]
    return {cost.method: cost for cost in measure_costs(rows, place, rounds=3)}


def test_a_filter_has_no_network(costs: dict[str, Cost]) -> None:
    cost = costs["wiener"]
    assert (cost.parameters, cost.macs, cost.evaluations) == (0, None, 0)


def test_a_one_step_network_is_evaluated_once(costs: dict[str, Cost]) -> None:
    network = load_network(RestorationUNet, ROOT / "models" / "unet" / "unet")
    assert costs["unet"].parameters == sum(part.numel() for part in network.parameters())
    assert costs["unet"].evaluations == costs["codebook"].evaluations == 1


def test_a_diffusion_is_evaluated_at_every_step(costs: dict[str, Cost]) -> None:
    assert costs["pixel_diffusion"].evaluations == 3 + 1, "its steps, and the estimate that it starts from"
    assert costs["clrface"].evaluations == 2
    assert (costs["pixel_diffusion"].macs or 0) > (costs["unet"].macs or 0) > 1e8


def test_seconds_and_memory_are_a_process_s_own(costs: dict[str, Cost]) -> None:
    for cost in costs.values():
        assert 0 < cost.seconds_lo <= cost.seconds <= cost.seconds_hi
        assert 50 * 2**20 < cost.peak_bytes < 8 * 2**30
    assert costs["pixel_diffusion"].seconds > costs["wiener"].seconds


def test_macs_and_calls_of_a_convolution_in_closed_form() -> None:
    layer = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU())
    x = torch.rand(2, 3, 16, 16)
    with FlopCounterMode(display=False) as flops, Counter() as counter:
        layer(x)
        layer(x)
    assert flops.get_total_flops() / 2 == 2 * 2 * 16 * 16 * 8 * 3 * 9
    assert counter.parameters == 8 * 3 * 9
    assert counter.evaluations(2) == 2


def test_a_transformer_is_counted_whole_its_attention_too() -> None:
    """Two matrix products of n x n x d, the projections of query, key, value and output, and the two of the feed-forward part."""
    n, d = 16, 32
    layer = nn.TransformerEncoderLayer(d, 4, 2 * d, dropout=0.0, batch_first=True, norm_first=True)
    network = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()

    class Method:
        @torch.no_grad()
        def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
            return network(lq)

    count = _count(Method(), torch.rand(3, n, d), [0, 0, 0], "cpu")
    assert count["macs"] == 2 * (4 * n * d * d + 2 * n * n * d + 2 * n * d * 2 * d)
    assert count["parameters"] == sum(part.numel() for part in network.parameters())
    assert count["evaluations"] == 1


def test_fused_attention_is_counted_as_it_is_and_its_gradient_too() -> None:
    """Forward two matrix products, backward five: the fused kernel computes the first of them again."""
    n, d = 1024, 8

    class Method:
        def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
            x = lq.requires_grad_()
            functional.scaled_dot_product_attention(x, x, x).sum().backward()
            return lq

    assert _count(Method(), torch.rand(2, 1, n, d), [0, 0], "cpu")["macs"] == (2 + 5) * n * n * d


def test_counting_comes_last_since_it_takes_memory_of_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ask = list[str](), _Process.ask
    monkeypatch.setattr(_Process, "ask", lambda self, question: asked.append(question) or ask(self, question))
    measure_costs([contender("wiener")], place, rounds=2)
    assert asked == ["warm", "time", "time", "peak", "count"]


def test_a_method_that_fails_is_told(place: Place) -> None:
    with pytest.raises(UserError, match="The cost of 'gfpgan_1_4' can't be measured: UserError: No weights at"):
        measure_costs([contender("gfpgan_1_4")], place, rounds=1)


def test_training_is_what_the_records_beside_the_weights_say(costs: dict[str, Cost]) -> None:
    of = {stage: json.loads((ROOT / "models/codebook" / stage / "training.json").read_text()) for _, stage in STAGES["codebook"]}
    assert costs["codebook"].training_steps == sum(record["steps"] for record in of.values())
    assert costs["codebook"].training_processor_s == sum(record["processor_s"] for record in of.values())
    assert costs["wiener"].training_images is costs["wiener"].training_processor_s is None


def test_the_table_in_its_four_forms(costs: dict[str, Cost], tmp_path: Path) -> None:
    write_cost_table(list(costs.values()), {"images": "4 of orl", "device": "cpu"}, tmp_path / "table6.csv")
    rows = list(csv.DictReader((tmp_path / "table6.csv").open()))
    assert [row["method"] for row in rows] == list(costs) and rows[0]["macs"] == ""
    assert float(rows[1]["seconds"]) == costs["unet"].seconds
    whole = json.loads((tmp_path / "table6.json").read_text())
    assert whole["about"]["images"] == "4 of orl" and whole["processor"] and whole["rows"][1]["training_images"] == 48000
    text = (tmp_path / "table6.md").read_text()
    assert "| Wiener filter | 0.00 | – |" in text and "4 of orl" in text
    assert r"\bottomrule" in (tmp_path / "table6.tex").read_text()
