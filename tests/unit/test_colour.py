"""Colour: what networks that know luminance alone do with a colour photograph, and one that colours grey ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from clrface.degradation.apply import apply
from clrface.degradation.draw import draw, load_degradations
from clrface.fingerprint import ROOT
from clrface.images import to_unit
from clrface.models.autoencoder import Autoencoder
from clrface.models.colour import keep_grey, luminance
from clrface.models.unet import RestorationUNet
from clrface.restoration.estimate import estimate
from clrface.restoration.pipeline import CLRFace, Settings

RECIPES = load_degradations(ROOT / "clrface/catalogue/degradations.yaml")


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """scikit-image's portrait of the astronaut Eileen Collins (NASA, public domain), its face at 64x64."""
    return cv2.resize(skimage.data.astronaut()[50:190, 155:295], (64, 64), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def shipped() -> CLRFace:
    return CLRFace.from_pretrained(ROOT / "models" / "clrface")


def degraded(face: np.ndarray, degradation: str) -> torch.Tensor:
    return torch.from_numpy(to_unit(apply(face, draw(RECIPES[degradation], face.shape[0], False, np.random.default_rng(0)))))[None]


def chroma(x: torch.Tensor) -> torch.Tensor:
    return x - luminance(x)


def test_a_colour_photograph_is_restored_by_its_luminance_and_keeps_its_chroma(shipped: CLRFace, face: np.ndarray) -> None:
    y = degraded(face, "mild")
    known = estimate(shipped.autoencoder, shipped.irn, y)
    assert shipped.autoencoder.config["luminance"]
    for seen, whole in ((known.y, y), (known.x_irn, known.x_irn + known.chroma)):
        assert torch.allclose(seen, luminance(whole), atol=1e-6) and (seen == seen[:, :1]).all(), "the refinement sees luminance"
    x = shipped.restore(y, [1], Settings(guidance="none", steps=2))
    inside = ((x > 0.01) & (x < 0.99)).all(1, keepdim=True).expand_as(x)
    assert inside.float().mean() > 0.8
    assert (chroma(x) - known.chroma)[inside].abs().max() < 1e-5, "the colours are the IRN's"
    kept, there = (chroma(x) - chroma(y)).abs().mean(), chroma(y).abs().mean()
    assert kept < there / 4, "and those are the photograph's"
    assert (luminance(x) - luminance(y)).abs().max() > 0.02


def test_red_stays_red(shipped: CLRFace, face: np.ndarray) -> None:
    """RGB from end to end: a swap of red and blue on the way in alone turns a face blue."""
    y = degraded(face, "mild")
    x = shipped.restore(y, [1], Settings(guidance="none", steps=1))
    red, _, blue = x[0].mean((1, 2))
    assert red - blue > 0.5 * (y[0, 0].mean() - y[0, 2].mean()) > 0.02


def test_a_grey_photograph_stays_grey_unless_the_irn_was_trained_to_colour(face: np.ndarray) -> None:
    torch.manual_seed(0)
    shape = {"channels": [16, 32], "attention_levels": 1, "norm_groups": 8, "head_dim": 16}
    autoencoder = Autoencoder(channels=(16, 32), codes=16, norm_groups=8).eval()
    plain, colouring = RestorationUNet(**shape).eval(), RestorationUNet(**shape, colours_grey=True).eval()
    colouring.load_state_dict(plain.state_dict())
    y = degraded(face, "colourise")
    assert (y == y[:, :1]).all()
    grey, coloured = (estimate(autoencoder, irn, y).x_irn for irn in (plain, colouring))
    assert (grey == grey[:, :1]).all() and not (coloured == coloured[:, :1]).all()
    assert torch.equal(plain.tinted(coloured, y), keep_grey(coloured, y)) and torch.equal(colouring.tinted(coloured, y), coloured)


def test_a_network_s_colouring_comes_back_from_disk_and_old_configs_have_none(tmp_path: Path) -> None:
    RestorationUNet(channels=(16, 32), norm_groups=8, head_dim=16, colours_grey=True).save_pretrained(tmp_path)
    assert RestorationUNet.load_config(tmp_path)["colours_grey"]
    assert "colours_grey" not in (ROOT / "models" / "clrface" / "irn" / "config.json").read_text()


def test_x32_leaves_a_thirty_second_of_a_side(face: np.ndarray) -> None:
    large = cv2.resize(face, (512, 512), interpolation=cv2.INTER_CUBIC)
    assert draw(RECIPES["x32"], 512, False, np.random.default_rng(0)).side_px == 16
    y = apply(large, draw(RECIPES["x32"], 512, False, np.random.default_rng(0)))
    small = cv2.resize(y, (16, 16), interpolation=cv2.INTER_AREA).astype(int)
    assert y.shape == large.shape and np.abs(small - cv2.resize(large, (16, 16), interpolation=cv2.INTER_AREA)).mean() < 6
    assert np.abs(y.astype(int) - large).mean() > 5
