"""Official weights, on networks of the authors' own sizes with random weights, saved in the layout of their files."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from clrface.errors import UserError
from clrface.images import to_unit
from clrface.registry import make_method, method_cards
from clrface.restoration.official import OfficialRestorer, read_weights
from tests.unit.official_weights import RIVALS, write_rival


class Official:
    """A method with its file in a folder of sources."""

    def __init__(self, name: str, sources: Path):
        self.name, self.sources = name, sources
        self.network = write_rival(name, sources)

    def load(self, **params: Any) -> Any:
        method = make_method(self.name, params)
        method.load(None, "cpu", self.sources)
        return method


@pytest.fixture(scope="module", params=list(RIVALS))
def official(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Official:
    return Official(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def face(orl_faces: dict[str, np.ndarray]) -> torch.Tensor:
    """A face at 512x512, tinted, (1, 3, 512, 512) in [0, 1]."""
    small = next(iter(orl_faces.values()))
    tinted = (cv2.resize(small, (512, 512)) * np.array([1.0, 0.8, 0.7])).astype(np.uint8)
    return torch.from_numpy(to_unit(tinted[None]))  # as a restoring job lays it in memory: channels last


def test_a_round_trip_through_the_authors_layout(official: Official, face: torch.Tensor) -> None:
    """The method gives what the network gives, called with [-1, 1] in and out; seeds decide; a batch changes nothing."""
    method, stochastic = official.load(), method_cards()[official.name].stochastic
    first = method.restore(torch.cat([face, face.flip(3)]), [1, 2])
    assert first.shape == (2, 3, 512, 512) and first.dtype == torch.float32
    assert torch.isfinite(first).all() and first.min() >= 0 and first.max() <= 1 and first.std() > 0.01
    if stochastic:
        alone, other = (method.restore(face.flip(3), [seed]) for seed in (2, 9))
        assert (other - alone).abs().max() > 1 / 255
    else:
        with torch.no_grad():
            network, x = official.network.eval(), (2 * face.flip(3) - 1).contiguous()
            expected = network(x, weight=0.5) if official.name == "codeformer" else network(x)
        alone = (expected[0].clamp(-1, 1) + 1) / 2
    torch.testing.assert_close(first[1:], alone, atol=1e-4, rtol=0)


def test_another_size_is_refused(official: Official) -> None:
    with pytest.raises(UserError, match=r"Found images of 64x64, but the network takes 512x512\. Set `resolution: 512`"):
        OfficialRestorer.restore(make_method(official.name, {}), torch.zeros(1, 3, 64, 64), [0])  # type: ignore[arg-type]


def test_a_wrong_file_is_told_by_its_keys(official: Official, tmp_path: Path) -> None:
    state = dict(official.network.state_dict())
    first = next(iter(sorted(state)))
    value = state.pop(first)
    path = tmp_path / official.name / RIVALS[official.name][0]
    path.parent.mkdir()
    torch.save({"params_ema": state | {"extra.weight": value}}, path)
    expected = (
        rf"isn't {type(official.network).__name__}'s: 1 keys are missing \(first: {first}\), 1 are unexpected \(first: extra\.weight\)"
    )
    with pytest.raises(UserError, match=expected):
        make_method(official.name, {}).load(None, "cpu", tmp_path)


class Evil:
    """Would run code when unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("evil"),)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (b"<html>quota exceeded</html>", "Can't read the weights .* Expected the authors' file: fetch it again"),
        (b"", "Can't read the weights"),
        (Evil(), "Can't read the weights"),
        ([1, 2], "holds a list, expected tensors by name"),
        ({"epoch": 3, "loss": 0.1}, r"holds a dict with epoch, loss, \.\.\., expected tensors by name"),
    ],
)
def test_what_is_no_weights_file_is_told_and_never_run(
    stored: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if isinstance(stored, bytes):
        path.write_bytes(stored)
    else:
        torch.save(stored, path)
    with pytest.raises(UserError, match=message):
        read_weights(path)
    assert not (tmp_path / "evil").exists()


def test_missing_weights_name_the_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Fetch it first: python -m clrface fetch codeformer"):
        make_method("codeformer", {}).load(None, "cpu", tmp_path)


@pytest.mark.parametrize("fidelity", [-0.1, 1.5])
def test_codeformer_s_fidelity_lies_between_0_and_1(fidelity: float) -> None:
    with pytest.raises(UserError, match=r"codeformer\.fidelity: found"):
        make_method("codeformer", {"fidelity": fidelity})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="half precision is for a GPU, and none is here")
def test_half_precision_on_a_gpu_is_near(official: Official, face: torch.Tensor) -> None:
    images = []
    for half in (False, True):
        method = make_method(official.name, {"half": half})
        method.load(None, "cuda", official.sources)
        images.append(method.restore(face, [1]))
    assert (images[0] - images[1]).abs().mean() < 0.02
