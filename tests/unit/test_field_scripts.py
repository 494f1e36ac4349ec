"""What the field's own scripts, and pyiqa 0.1.16, print for three pairs, by random weights that both sides read.

The constants are from docs/lab/parity.md's command, with the images of `metric_values.write_pairs` and the weights of
`official_weights.write_scripts`.
"""

from pathlib import Path

import pytest

from benchmarks.peers.pyiqa_functions import INEXACT_ROOT
from benchmarks.peers.rows import ABSOLUTE, RELATIVE
from clrface import evaluate
from tests.unit.metric_values import write_pairs

VQFR = {
    "psnr_corrected": 35.891340,
    "ssim_corrected": 0.745468,
    "lpips_vgg": 0.012046,
    "fid_ffhq512": 1376.038705,
    "deg_arcface_r18": 42.816029,  # of two pairs: the third is under 1 degree
    "lmd_fan": 28.109100,
    "niqe_official": 7.297766,
}
RESTOREFORMER = {
    "psnr_full_count": 35.108218,
    "ssim_full_count": 0.749908,
    "lpips_vgg_bgr": 0.009775,
    "fid_ffhq512": 1376.038705,
    "idd_arcface_r18": 0.391774,
}


PYIQA = {
    "psnr_eps": 34.871780,
    "ssim_cut": 0.764078,
    "lpips_vgg": 0.011659,
    "lpips_alex": 0.008609,
    "fid_clean_gt": 45.482521,
    "niqe_yiq": 7.543949,
}
"""Of an odd size, 251x203. The Frechet distance by scipy's root, which is off by 7e-5 of it."""


@pytest.mark.parametrize(
    ("protocol", "printed", "size"),
    [("vqfr", VQFR, (256, 256)), ("restoreformer", RESTOREFORMER, (256, 256)), ("pyiqa", PYIQA, (251, 203))],
)
def test_values_are_those_that_the_scripts_print(
    protocol: str, printed: dict[str, float], size: tuple[int, int], official: Path, tmp_path: Path
) -> None:
    found = evaluate(*write_pairs(tmp_path, *size), protocol=protocol, resamples=1, sources=official).values
    loose = {"fid_clean_gt": INEXACT_ROOT}
    assert found == {name: pytest.approx(value, rel=loose.get(name, RELATIVE), abs=ABSOLUTE) for name, value in printed.items()}
