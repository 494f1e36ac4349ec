"""Parity with a peer's scripts: a clone in VQFR's layout, whose numbers are right, wrong, or missing."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.parity import main
from benchmarks.peers.rows import Row, table
from clrface import evaluate
from clrface.images import write_png
from clrface.seeds import generator

PSNR_SCRIPT = """
import sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert set(words) >= {"-restored_folder", "-gt_folder"}
print("Average: PSNR: %s dB, SSIM: %s")
"""
LPIPS_SCRIPT = """
import os
import torch
from helper import CUDA
weights = torch.load(os.environ["TORCH_HOME"] + "/hub/checkpoints/vgg16-397923af.pth")
torch.nn.Conv2d(3, 64, 3).to(torch.device("cuda")).cuda()(weights["features.0.weight"].to(CUDA).cuda())
print("Average: LPIPS: %s")
"""
NIQE_SCRIPT = "raise SystemExit('no module named basicsr')"
METRICS = ["psnr_corrected", "ssim_corrected", "lpips_vgg"]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Restored and true images of 96x96."""
    rng = generator(0, "test", "parity")
    for name in "ab":
        truth = rng.integers(40, 200, (96, 96, 3), dtype=np.uint8)
        write_png(tmp_path / "truth" / f"{name}.png", truth)
        write_png(tmp_path / "restored" / f"{name}.png", np.clip(truth + rng.normal(0, 9, truth.shape), 0, 255).astype(np.uint8))
    return [tmp_path / "restored", tmp_path / "truth"]


def clone(folder: Path, psnr: float, ssim: float, lpips: float) -> Path:
    (folder / "metric_paper").mkdir(parents=True)
    scripts = {
        "calculate_psnr_ssim.py": PSNR_SCRIPT % (f"{psnr:.6f}", f"{ssim:.6f}"),
        "calculate_lpips.py": LPIPS_SCRIPT % f"{lpips:.6f}",
        "helper.py": "CUDA = 'cuda:0'",
        "calculate_niqe.py": NIQE_SCRIPT,
        "calculate_cos_dist.py": "import arcface",
    }
    for name, text in scripts.items():
        (folder / "metric_paper" / name).write_text(text)
    return folder


def test_numbers_that_agree_differ_and_lack(
    folders: list[Path], official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = evaluate(*folders, protocol="vqfr", metrics=METRICS, resamples=1, sources=official).values
    given = ["--images", *map(str, folders), "--weights", str(official)]
    good, bad = clone(tmp_path / "good", *right.values()), clone(tmp_path / "bad", **changed(right))
    assert main(["--peer", str(good), *given]) == 0
    said = {line.split(" | ")[2]: line.split(" | ")[-1].removesuffix(" |") for line in capsys.readouterr().out.splitlines()[2:]}
    assert said == {
        **{f"`{metric}`": "agrees" for metric in METRICS},
        "`fid_ffhq512`": f"not run: {good} has no metric_paper/calculate_fid_folder.py",
        "`deg_arcface_r18`": "not run: ModuleNotFoundError: No module named 'arcface' "
        "(it needs ronghuaiyang/arcface-pytorch as metric_paper/arcface, as its README says)",
        "`lmd_fan`": f"not run: {good} has no metric_paper/calculate_landmark_distance.py (it needs numpy before 1.24)",
        "`niqe_official`": "not run: no module named basicsr",
    }
    assert main(["--peer", str(bad), *given]) == 1
    assert "-1.0e-03 | DIFFERS |" in capsys.readouterr().out


def changed(right: dict[str, float]) -> dict[str, float]:
    return {"psnr": right["psnr_corrected"] + 0.001, "ssim": right["ssim_corrected"], "lpips": right["lpips_vgg"]}


def test_a_folder_that_is_no_peer_s_is_told(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peer", str(tmp_path), "--images", *map(str, folders)]) == 2
    assert f"{tmp_path} is no clone of VQFR, RestoreFormer, CodeFormer, GFPGAN or BasicSR" in capsys.readouterr().err


def test_a_clone_without_the_package_that_it_needs_is_told(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gfpgan" / "gfpgan" / "data" / "ffhq_degradation_dataset.py"
    file.parent.mkdir(parents=True)
    file.write_text("from basicsr_that_is_missing.data import degradations")
    assert main(["--peer", str(tmp_path / "gfpgan"), "--images", *map(str, folders)]) == 0
    assert "| not run: ModuleNotFoundError: No module named 'basicsr_that_is_missing' (it needs basicsr) |" in capsys.readouterr().out


def test_the_table_rounds_and_says() -> None:
    assert table([Row("a", "b", "c", 1.0, 1.00001)]).splitlines()[-1] == "| a | b | `c` | 1.000000 | 1.000010 | +1.0e-05 | agrees |"
    assert [Row("a", "b", "c", 0.0, 1.0, absolute=absolute).verdict for absolute in (1.0, 0.9)] == ["agrees", "DIFFERS"]
