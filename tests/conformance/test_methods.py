"""The contract of clrface.api.Restorer, tried on every method of clrface/baselines/ with the weights that it runs with.

A new file clrface/baselines/<name>.py is found and tried by itself. Inputs are real faces, degraded by the degradation `blind`.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml

from clrface.api import MethodCard, Restorer
from clrface.degradation.apply import apply, is_grey
from clrface.degradation.draw import draw, load_degradations
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import to_bytes, to_unit
from clrface.registry import make_method, method_cards
from clrface.seeds import generator
from clrface.weights import weights_folder

CARDS = method_cards()
HERE = [name for name, card in CARDS.items() if not card.external and not card.resolution]
"""Those that run at this size. Official networks are tried at theirs (test_official.py), external programs in test_external.py."""
QUICK = {"steps": 2}
"""Parameters that only cost time here; the rest, and one test, run with the card's defaults."""
SEEDS = [11, 12, 13, 14, 15]
TINT = np.array([1.0, 0.8, 0.65])


class Loaded(NamedTuple):
    """A method that is ready, and its card."""

    card: MethodCard
    method: Any

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        """As the harness calls it: a control that sees the truth is given it, here the input itself."""
        return self.method.restore(lq, seeds, lq) if self.card.sees_truth else self.method.restore(lq, seeds)


def load(card: MethodCard, params: dict[str, Any], sources: Path) -> Loaded:
    method = make_method(card.name, params)
    method.load(weights_folder("shipped", card.family) if card.trained_here else None, "cpu", sources)
    return Loaded(card, method)


@pytest.fixture(scope="module", params=HERE)
def loaded(request: pytest.FixtureRequest, sources: Path) -> Loaded:
    """Each method once, with few steps where it has steps."""
    card = CARDS[request.param]
    return load(card, {key: value for key, value in QUICK.items() if key in card.params}, sources)


@pytest.fixture(scope="module")
def lq(orl_faces: dict[str, np.ndarray]) -> torch.Tensor:
    """Five faces, degraded: three grey, two tinted. (5, 3, 64, 64) float32 in [0, 1]."""
    degradation = load_degradations(ROOT / "clrface/catalogue/degradations.yaml")["blind"]
    faces = list(orl_faces.values())[:5]
    faces[3:] = [np.rint(face * TINT).astype(np.uint8) for face in faces[3:]]
    assert [is_grey(face) for face in faces] == [True, True, True, False, False]
    drawn = [draw(degradation, len(face), is_grey(face), generator(0, "conformance", str(place))) for place, face in enumerate(faces)]
    return torch.from_numpy(to_unit(np.stack([apply(face, draws) for face, draws in zip(faces, drawn, strict=True)])))


def check(hq: torch.Tensor, lq: torch.Tensor, card: MethodCard) -> None:
    """Shape, type and range; and something was done, but by a control that is no part of a method."""
    assert hq.shape == lq.shape and hq.dtype == torch.float32 and hq.device.type == "cpu", "not of the input's shape, float32, on the CPU"
    assert torch.isfinite(hq).all() and hq.min() >= 0 and hq.max() <= 1, "not finite, or beyond [0, 1]"
    untouched = [np.array_equal(a, b) for a, b in zip(pixels(hq), pixels(lq), strict=True)]
    if card.control and not card.part_of:
        assert all(untouched), "a control changed an image"
    else:
        assert not any(untouched), "the method returned its input"


def pixels(images: torch.Tensor) -> np.ndarray:
    """(B, H, W, 3) integers from 0 to 255, as they are written."""
    return to_bytes(images.detach().cpu().numpy()).astype(int)


# ---- what a method does


@pytest.mark.parametrize("count", [1, 3, 5])
def test_shape_type_and_range(loaded: Loaded, lq: torch.Tensor, count: int) -> None:
    given = lq[:count].clone()
    check(loaded.restore(given, SEEDS[:count]), lq[:count], loaded.card)
    assert torch.equal(given, lq[:count]), "the input was altered"


def test_black_white_and_even_images(loaded: Loaded) -> None:
    flat = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].expand(3, 3, 64, 64).contiguous()
    hq = loaded.restore(flat, SEEDS[:3])
    assert hq.shape == flat.shape and torch.isfinite(hq).all() and hq.min() >= 0 and hq.max() <= 1


def test_a_grey_face_stays_grey(loaded: Loaded, lq: torch.Tensor) -> None:
    """No tint, not by one level: feature networks see it, and no method here is trained to colour grey photographs."""
    hq = pixels(loaded.restore(lq, SEEDS))
    assert (hq[:3] == hq[:3, ..., :1]).all()
    assert (hq[3:] != hq[3:, ..., :1]).any(), "and a tinted one keeps its tint"


def test_the_seed_decides(loaded: Loaded, lq: torch.Tensor) -> None:
    first = loaded.restore(lq[:2], [1, 2])
    assert torch.equal(loaded.restore(lq[:2], [1, 2]), first)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 a method that drew from the global state would show here
    assert torch.equal(loaded.restore(lq[:2], [1, 2]), first)
    other = loaded.restore(lq[:2], [1, 3])
    assert np.abs(pixels(other)[0] - pixels(first)[0]).max() <= 1, "an image's result depends on another's seed"
    assert torch.equal(other[1], first[1]) != loaded.card.stochastic


def test_neither_batch_nor_order_matters(loaded: Loaded, lq: torch.Tensor) -> None:
    whole = pixels(loaded.restore(lq, SEEDS))
    alone = np.concatenate([pixels(loaded.restore(lq[i : i + 1], SEEDS[i : i + 1])) for i in range(len(lq))])
    backwards = pixels(loaded.restore(lq.flip(0), SEEDS[::-1]))[::-1]
    assert np.abs(alone - whole).max() <= 1
    assert np.abs(backwards - whole).max() <= 1


@pytest.mark.parametrize("name", HERE)
def test_the_card_s_defaults_restore_and_the_batch_does_not_matter(name: str, lq: torch.Tensor, sources: Path) -> None:
    method, lq, seeds = load(CARDS[name], {}, sources), lq[3:], SEEDS[3:]
    whole = method.restore(lq, seeds)
    check(whole, lq, CARDS[name])
    alone = method.restore(lq[1:], seeds[1:])
    assert np.abs(pixels(alone) - pixels(whole)[1:]).max() <= 1


# ---- what a method says, and how it refuses


@pytest.mark.parametrize("name", CARDS)
def test_the_card_is_complete(name: str) -> None:
    card = CARDS[name]
    others = [other.label for other in CARDS.values() if other is not card]
    assert card.label.strip() and card.label not in others, "`label` is empty, or another method has it"
    assert card.control or card.paper, "`paper` is missing: what to cite"
    assert not card.part_of or (card.control and card.part_of in CARDS), "`part_of` is for controls, and names a method"
    assert card.licence or not card.trained_here, "`licence` is missing: that of the trained weights"
    assert not card.sees_truth or card.control, "`sees_truth` is for controls"
    assert json.loads(json.dumps(card.params)) == card.params, "a config can't hold these parameters"
    known = yaml.safe_load((ROOT / "clrface/catalogue/sources.yaml").read_text(encoding="utf-8"))
    assert isinstance(card.assets, tuple) and set(card.assets) <= set(known)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if not card.external])
def test_the_class_takes_the_card_s_parameters_and_no_other(name: str) -> None:
    for params in ({}, CARDS[name].params, *({key: value} for key, value in CARDS[name].params.items())):
        assert isinstance(make_method(name, params), Restorer)
    for key in CARDS[name].params:
        with pytest.raises(UserError, match=rf"Unknown parameter of method '{name}': '{key}x'\. Did you mean '{key}'\?"):
            make_method(name, {f"{key}x": 1})
    with pytest.raises(UserError, match="Unknown parameter"):
        make_method(name, {"no_such_parameter": 1})


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.trained_here])
def test_weights_that_are_not_there_are_a_user_s_error(name: str, sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="weights"):
        make_method(name, {}).load(tmp_path / "nowhere", "cpu", sources)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.assets and not card.external])
def test_sources_that_are_not_there_are_a_user_s_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="etch it"):
        make_method(name, {}).load(weights_folder("shipped", CARDS[name].family) if CARDS[name].trained_here else None, "cpu", tmp_path)
