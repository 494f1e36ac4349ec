"""The IRN's identity head, and the recogniser's layers that it adapts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from clrface.align.geometry import fit_similarity, template, warp
from clrface.align.templates import FFHQ, FFHQ_POINTS
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import to_unit
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network, save_network
from clrface.models.recogniser import TEMPLATES, FrozenPReLU, SFace, _chip_transform
from tests.stages import stage_spec


@pytest.fixture(scope="module")
def recogniser(sources: Path) -> SFace:
    return SFace(sources)


@pytest.fixture(scope="module")
def faces(orl_faces: dict[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(to_unit(np.stack(list(orl_faces.values())[:4])))


def test_frozen_slopes_give_torch_s_values_and_gradients() -> None:
    slope = np.array([0.2, -0.5, 1.5], dtype=np.float32)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0, 0] = 0.0
    reference = nn.PReLU(3)
    reference.weight.data = torch.from_numpy(slope)
    gradients = []
    for layer in (reference, FrozenPReLU(slope)):
        given = x.clone().requires_grad_(True)
        out = layer(given)
        torch.testing.assert_close(out, reference(x))
        (gradient,) = torch.autograd.grad(out.square().sum(), given)
        gradients.append(gradient)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_at_first_the_head_answers_what_the_recogniser_sees_in_the_irn_s_image(recogniser: SFace, faces: torch.Tensor) -> None:
    head = IdentityHead(recogniser.channels)
    assert len(recogniser.channels) == 27
    torch.testing.assert_close(head(recogniser, faces[:2], faces[2:]), recogniser(faces[:2]), atol=1e-5, rtol=0)


def test_adapters_change_the_features_and_alone_have_gradients(recogniser: SFace, faces: torch.Tensor) -> None:
    head = IdentityHead(recogniser.channels)
    before = head(recogniser, faces[:2], faces[2:]).detach()
    cosine = functional.cosine_similarity(head(recogniser, faces[:2], faces[2:]), recogniser(faces[2:]))
    (1 - cosine).mean().backward()
    assert head.of_irn.scales[3].grad is not None and head.join.weight.grad is not None and head.join.weight.grad.abs().sum() > 0
    assert all(part.grad is None for part in recogniser.parameters())
    with torch.no_grad():
        head.of_irn.scales[0].mul_(1.5)
    after = head(recogniser, faces[:2], faces[2:])
    assert not torch.allclose(after, before, atol=1e-3)
    torch.testing.assert_close(after.norm(dim=1), torch.ones(2))


def test_the_shipped_head_is_not_its_start(recogniser: SFace, faces: torch.Tensor) -> None:
    head = load_network(IdentityHead, ROOT / "models" / "clrface" / "identity")
    predicted = head(recogniser, faces, faces)
    torch.testing.assert_close(predicted.norm(dim=1), torch.ones(4))
    cosine = functional.cosine_similarity(predicted, recogniser(faces))
    assert (cosine > 0.3).all() and (cosine < 0.999).all()


def test_faces_aligned_as_ffhq_s_give_the_same_features(recogniser: SFace, orl_faces: dict[str, np.ndarray], sources: Path) -> None:
    """The chip is laid by how the faces are aligned: by the other template's it holds another part of the face."""
    size = 256
    matrix = fit_similarity(template(64), FFHQ * size - 0.5)
    faces = np.stack(list(orl_faces.values())[:4])
    moved = torch.from_numpy(to_unit(np.stack([warp(face, matrix, size) for face in faces])))
    expected = recogniser(torch.from_numpy(to_unit(faces)))
    found, wrong = (functional.cosine_similarity(SFace(sources, name)(moved), expected) for name in ("ffhq", "utkface"))
    assert found.min() > 0.75 and (found - wrong).min() > 0.25, (found, wrong)


def test_the_chip_puts_ffhq_s_eyes_where_arcface_has_them() -> None:
    """facexlib's points at 512x512, taken to the chip's pixels: at most a pixel and a half away, for the two shapes differ a little."""
    matrix = np.vstack([_chip_transform(*TEMPLATES["ffhq"]), [0, 0, 1]])
    eyes = np.hstack([(FFHQ_POINTS[:2] + 0.5) / 256 - 1, np.ones((2, 1))])
    found = (eyes @ np.linalg.inv(matrix).T)[:, :2] * 56 + 55.5
    assert np.abs(found - [[38.2946, 51.6963], [73.5318, 51.5014]]).max() < 1.5


def test_an_unknown_alignment_is_told(sources: Path) -> None:
    with pytest.raises(UserError, match=r"ffqh.*Did you mean 'ffhq'"):
        SFace(sources, "ffqh")


def test_the_head_knows_how_the_faces_were_aligned(recogniser: SFace, sources: Path, tmp_path: Path) -> None:
    save_network(IdentityHead(recogniser.channels, "ffhq"), tmp_path)
    assert load_network(IdentityHead, tmp_path).config["template"] == "ffhq"
    assert load_network(IdentityHead, ROOT / "models/clrface/identity").config["template"] == "utkface", "made before there was a choice"
    assert stage_spec("identity", 1, 1, 0.1, {}, {}).template in TEMPLATES
