"""A short form of the benchmark beside other code: our own sampler, metrics and degradation, each with the peers that are here."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.side_by_side import main

pytestmark = pytest.mark.timeout(600)


def test_a_short_run_agrees_with_every_peer_that_is_here(sources: Path, tmp_path: Path) -> None:
    rows = ["metrics:psnr*", "metrics:ssim*", "metrics:stlpips*", "degradation", "sampling"]
    short = ["--images", "2", "--size", "64", "--turns", "2", "--threads", "1"]
    assert main(["--only", *rows, *short, "--raw", str(sources), "--out", str(tmp_path)]) == 0
    with (tmp_path / "speed.csv").open(newline="", encoding="utf-8") as handle:
        found = {row["ours"]: row for row in csv.DictReader(handle)}
    needs = {"psnr_eps": "pyiqa", "ssim_cut": "pyiqa", "stlpips_alex": "pyiqa", "vqfr_v1, in memory": "basicsr"}
    needs |= {"gfpgan, file to tensors": "gfpgan", "ddim, 8 steps": "diffusers"}
    assert list(found) == list(needs)
    for name, row in found.items():
        if find_spec(needs[name]) is None:
            assert row["verdict"].startswith(f"not run: no {needs[name]}"), row
        else:
            assert 0 < float(row["ratio_lowest"]) <= float(row["ratio"]) <= float(row["ratio_highest"]), row
            assert float(row["largest_difference"]) < 1e-3, row
    assert found["ddim, 8 steps"]["ratio"], "diffusers is always here"
