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
NIQE_SCRIPT = "raise SystemExit('no module named basicsr')"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Restored and true images of 96x96."""
    rng = generator(0, "test", "parity")
    for name in "ab":
        truth = rng.integers(40, 200, (96, 96, 3), dtype=np.uint8)
        write_png(tmp_path / "truth" / f"{name}.png", truth)
        write_png(tmp_path / "restored" / f"{name}.png", np.clip(truth + rng.normal(0, 9, truth.shape), 0, 255).astype(np.uint8))
    return [tmp_path / "restored", tmp_path / "truth"]


def clone(folder: Path, psnr: float, ssim: float) -> Path:
    (folder / "metric_paper").mkdir(parents=True)
    (folder / "metric_paper" / "calculate_psnr_ssim.py").write_text(PSNR_SCRIPT % (f"{psnr:.6f}", f"{ssim:.6f}"))
    (folder / "metric_paper" / "calculate_niqe.py").write_text(NIQE_SCRIPT)
    return folder


def test_numbers_that_agree_differ_and_lack(folders: list[Path], sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = ["psnr_corrected", "ssim_corrected"]
    right = evaluate(*folders, protocol="vqfr", metrics=metrics, resamples=1, sources=sources).values
    given = ["--images", *map(str, folders), "--raw", str(sources)]
    good, bad = clone(tmp_path / "good", *right.values()), clone(tmp_path / "bad", right["psnr_corrected"] + 0.01, right["ssim_corrected"])
    assert main(["--peer", str(good), *given]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split("| ")[-1] for line in said[2:]] == ["agrees |", "agrees |", "not run: no module named basicsr |"]
    assert main(["--peer", str(bad), *given]) == 1
    assert "-1.0e-02 | DIFFERS |" in capsys.readouterr().out


def test_a_folder_that_is_no_peer_s_is_told(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peer", str(tmp_path), "--images", *map(str, folders)]) == 2
    assert f"{tmp_path} is no clone of VQFR, RestoreFormer or BasicSR" in capsys.readouterr().err


def test_the_table_rounds_and_says() -> None:
    assert table([Row("a", "b", "c", 1.0, 1.00001)]).splitlines()[-1] == "| a | b | `c` | 1.000000 | 1.000010 | +1.0e-05 | agrees |"
