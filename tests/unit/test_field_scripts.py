"""What the field's own scripts print for three pairs, by random weights that both sides read.

The constants are from docs/lab/parity.md's command, with the images of `metric_values.write_pairs` and the weights of
`official_weights.write_scripts`.
"""

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("protocol", "printed"), [("vqfr", VQFR), ("restoreformer", RESTOREFORMER)])
def test_values_are_those_that_the_scripts_print(protocol: str, printed: dict[str, float], official: Path, tmp_path: Path) -> None:
    found = evaluate(*write_pairs(tmp_path), protocol=protocol, resamples=1, sources=official).values
    assert found == {metric: pytest.approx(value, rel=RELATIVE, abs=ABSOLUTE) for metric, value in printed.items()}
