"""Scripts of a user's clone, run as their authors run them: VQFR's metric_paper, RestoreFormer's scripts/metrics."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.peers.rows import Images, Row, ours

NUMBER = r"(-?[\d.]+(?:e-?\d+)?)"


class Script(NamedTuple):
    """A script of a clone, its words, and the numbers that it prints: a pattern with a group for each of `numbers`."""

    path: str
    words: Sequence[str]
    pattern: str
    numbers: dict[str, str]
    """Their name of each, in the pattern's order, to our metric."""


VQFR = (
    Script(
        "metric_paper/calculate_psnr_ssim.py",
        ["-restored_folder", "{restored}", "-gt_folder", "{truth}", "--correct_mean_var"],
        rf"PSNR: {NUMBER} dB, SSIM: {NUMBER}",
        {"PSNR, corrected": "psnr_corrected", "SSIM, corrected": "ssim_corrected"},
    ),
    Script("metric_paper/calculate_niqe.py", ["-restored_folder", "{restored}"], rf"NIQE: {NUMBER}", {"NIQE": "niqe_official"}),
)
RESTOREFORMER = (
    Script(
        "scripts/metrics/cal_psnr_ssim.py",
        ["{restored}", "--gt_folder", "{truth}", "--save_name", "{scratch}/metrics.txt"],
        rf"norm_lpips: {NUMBER} {NUMBER} {NUMBER} {NUMBER}",
        {"PSNR": "psnr_full_count", "SSIM": "ssim_full_count", "LPIPS of [0, 1]": "", "norm_lpips": "lpips_vgg_bgr"},
    ),
)
PEERS = {"VQFR": VQFR, "RestoreFormer": RESTOREFORMER}


def peer_of(clone: Path) -> str:
    """Which peer a clone is of, by its scripts; empty for none."""
    return next((name for name, scripts in PEERS.items() if (clone / scripts[0].path).is_file()), "")


def compare(clone: Path, python: Path, images: Images, raw: Path) -> Iterator[Row]:
    """A row for each number of each script. A script that fails has rows that say with which last line."""
    peer = peer_of(clone)
    for script in PEERS[peer]:
        said, failed = _run(clone, python, script, images)
        found = re.search(script.pattern, said)
        for place, (theirs_is, metric) in enumerate(script.numbers.items()):
            if not metric:
                continue
            value = ours(images, metric, raw)
            if found:
                yield Row(peer, theirs_is, metric, float(found[place + 1]), value)
            else:
                yield Row(peer, theirs_is, metric, ours=value, why=f"not run: {failed}")


def _run(clone: Path, python: Path, script: Script, images: Images) -> tuple[str, str]:
    """What the script printed, and its last line."""
    with TemporaryDirectory() as scratch:
        filled = [word.format(restored=images.restored, truth=images.truth, scratch=scratch) for word in script.words]
        environment = {**os.environ, "PYTHONPATH": str(clone)}
        done = subprocess.run(
            [str(python), script.path, *filled], cwd=clone, env=environment, capture_output=True, text=True, errors="replace"
        )
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.stdout, lines[-1] if lines else f"it ended with {done.returncode} and said nothing"
