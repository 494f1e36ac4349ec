"""Real-ESRGAN from ncnn's files: the values that ncnn's own engine gives, and damaged files refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clrface.baselines.realesrgan import Restorer
from clrface.errors import UserError
from clrface.models.ncnn_weights import read_convolutions


@pytest.fixture(scope="module")
def network(sources: Path) -> torch.nn.Module:
    restorer = Restorer(shrink=4)
    restorer.load(None, "cpu", sources)
    return restorer.network


def test_it_gives_what_ncnn_gives(network: torch.nn.Module) -> None:
    y, x = np.mgrid[0:16, 0:16] / 15
    ramp = torch.from_numpy(np.stack([x, y, (x + y) / 2]).astype(np.float32))[None]
    with torch.no_grad():
        enlarged = network(ramp)[0].numpy()
    assert enlarged.shape == (3, 64, 64)
    # PyPI ncnn, single precision, the same input
    assert np.allclose(enlarged[:, 5, 7], [0.07315384, 0.07431296, 0.08178174], atol=1e-4)
    assert np.allclose(enlarged[:, 40, 22], [0.38652498, 0.6193863, 0.52793914], atol=1e-4)
    assert np.isclose(enlarged.mean(), 0.5032182, atol=1e-5)


def test_size_grey_and_batch(sources: Path) -> None:
    restorer = Restorer(shrink=2)
    restorer.load(None, "cpu", sources)
    lq = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    lq[1] = lq[1, :1]
    together = restorer.restore(lq, [0, 0])
    assert together.shape == lq.shape and together.min() >= 0 and together.max() <= 1
    assert torch.equal(together[:1], restorer.restore(lq[:1], [0])), "an image doesn't depend on its batch"
    assert torch.allclose(together[1, 0], together[1, 2]), "grey stays grey"
    with pytest.raises(UserError, match="multiples of 2"):
        restorer.restore(torch.rand(1, 3, 15, 15), [0])
    with pytest.raises(UserError, match=r"realesrgan\.shrink: found 3"):
        Restorer(shrink=3)


def test_damaged_files_are_named(sources: Path, tmp_path: Path) -> None:
    folder = sources / "realesrgan"
    param, numbers = tmp_path / "x.param", tmp_path / "x.bin"
    param.write_bytes((folder / "realesrgan-x4plus.param").read_bytes())
    with pytest.raises(UserError, match=r"No weights at .*x\.bin"):
        read_convolutions(param, numbers)
    whole = (folder / "realesrgan-x4plus.bin").read_bytes()
    numbers.write_bytes(whole[:100_000])
    with pytest.raises(UserError, match=r"x\.bin ends at byte 100,000 within a convolution"):
        read_convolutions(param, numbers)
    numbers.write_bytes(whole + b"more")
    with pytest.raises(UserError, match=r"x\.bin has 33,424,524 bytes"):
        read_convolutions(param, numbers)
    numbers.write_bytes(b"\0" * len(whole))
    with pytest.raises(UserError, match=r"of the kind 0x0 at byte 0"):
        read_convolutions(param, numbers)
    text = (folder / "realesrgan-x4plus.param").read_text()
    (tmp_path / "realesrgan").mkdir()
    (tmp_path / "realesrgan" / "realesrgan-x4plus.bin").write_bytes(whole)
    (tmp_path / "realesrgan" / "realesrgan-x4plus.param").write_text(text.replace("0=64 1=3 4=1 5=1 6=1728", "0=64 1=1 4=1 5=1 6=1728"))
    with pytest.raises(UserError, match=r"realesrgan isn't Real-ESRGAN x4plus: 'model\.0\.weight' has the shape \(64, 27, 1, 1\)"):
        Restorer(shrink=4).load(None, "cpu", tmp_path)
    param.write_text("<html>")
    with pytest.raises(UserError, match=r"x\.param as a network in ncnn's text format .*first line"):
        read_convolutions(param, numbers)
