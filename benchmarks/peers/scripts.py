"""Scripts of a user's clone, run as their authors run them: VQFR's metric_paper, RestoreFormer's scripts/metrics."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.peers.process import finished
from benchmarks.peers.rows import Images, Row, ours

NUMBER = r"(-?[\d.]+(?:e-?\d+)?)"
LAUNCHER = Path(__file__).with_name("on_cpu.py")
MODELS = "experiments/pretrained_models"
INCEPTION, STATISTICS = "inception/pt_inception-2015-12-05-6726825d.pth", "ffhq512_statistics/inception_FFHQ_512.pth"
VGG = {"hub/checkpoints/vgg16-397923af.pth": "vgg16/vgg16-397923af.pth"}
"""Where torchvision looks for it under $TORCH_HOME, which is the folder that the script runs in."""


class Script(NamedTuple):
    """A script of a clone, its words, and the numbers that it prints: a pattern with a group for each of `numbers`."""

    path: str
    words: Sequence[str]
    pattern: str
    numbers: Mapping[str, str]
    """Their name of each, in the pattern's order, to our metric."""
    weights: Mapping[str, str] = {}
    """Where it looks for each file, under the folder that it runs in, to its place in the folder of our sources."""
    needs: str = ""
    """What it needs beside its repository and that one's requirements."""


PAIR = ("-restored_folder", "{restored}", "-gt_folder", "{truth}")
METRIC_WEIGHTS = f"{MODELS}/metric_weights"
VQFR = (
    Script(
        "metric_paper/calculate_psnr_ssim.py",
        [*PAIR, "--correct_mean_var"],
        rf"PSNR: {NUMBER} dB, SSIM: {NUMBER}",
        {"PSNR, corrected": "psnr_corrected", "SSIM, corrected": "ssim_corrected"},
    ),
    Script(
        "metric_paper/calculate_lpips.py",
        PAIR,
        rf"LPIPS: {NUMBER}",
        {"LPIPS": "lpips_vgg"},
        VGG,
        needs="the package lpips",
    ),
    Script(
        "metric_paper/calculate_fid_folder.py",
        ["-restored_folder", "{restored}", "--num_workers", "0"],
        rf"fid: {NUMBER}",
        {"FID": "fid_ffhq512"},
        {f"{MODELS}/{Path(INCEPTION).name}": INCEPTION, f"{METRIC_WEIGHTS}/{Path(STATISTICS).name}": STATISTICS},
    ),
    Script(
        "metric_paper/calculate_cos_dist.py",
        PAIR,
        rf"Result dist: {NUMBER}",
        {"Deg.": "deg_arcface_r18"},
        {f"{METRIC_WEIGHTS}/resnet18_110.pth": "arcface_r18_110/resnet18_110.pth"},
        needs="ronghuaiyang/arcface-pytorch as metric_paper/arcface, as its README says",
    ),
    Script(
        "metric_paper/calculate_landmark_distance.py",
        PAIR,
        rf"Landmark L2: {NUMBER}",
        {"LMD": "lmd_fan"},
        {f"{METRIC_WEIGHTS}/alignment_WFLW_4HG.pth": "awing_fan/alignment_WFLW_4HG.pth"},
        needs="numpy before 1.24",
    ),
    Script("metric_paper/calculate_niqe.py", ["-restored_folder", "{restored}"], rf"NIQE: {NUMBER}", {"NIQE": "niqe_official"}),
)
SAVED = ("{restored}", "--gt_folder", "{truth}", "--save_name", "{scratch}/metrics.txt")
RESTOREFORMER = (
    Script(
        "scripts/metrics/cal_psnr_ssim.py",
        SAVED,
        rf"norm_lpips: {NUMBER} {NUMBER} {NUMBER} {NUMBER}",
        {"PSNR": "psnr_full_count", "SSIM": "ssim_full_count", "LPIPS of [0, 1]": "", "norm_lpips": "lpips_vgg_bgr"},
        {**VGG, f"{MODELS}/lpips/vgg.pth": "lpips/vgg.pth"},
    ),
    Script(
        "scripts/metrics/cal_identity_distance.py",
        SAVED,
        rf"mean_dist: {NUMBER}",
        {"IDD": "idd_arcface_r18"},
        {f"{MODELS}/arcface_resnet18.pth": "arcface_r18/arcface_resnet18.pth"},
    ),
    Script(
        "scripts/metrics/cal_fid.py",
        ["{restored}", "--num_workers", "0", "--fid_stats", "{scratch}/statistics.pth", "--save_name", "{scratch}/fid.txt"],
        rf"fid: {NUMBER}",
        {"FID": "fid_ffhq512"},
        {f"{MODELS}/{Path(INCEPTION).name}": INCEPTION, "statistics.pth": STATISTICS},
    ),
)
PEERS = {"VQFR": VQFR, "RestoreFormer": RESTOREFORMER}
FOLDERS = ("", "RestoreFormer/modules/losses")
"""Of the clone, to be searched for modules first: RestoreFormer's own `lpips.py` before a package of that name, which gives AlexNet's."""


def peer_of(clone: Path) -> str:
    """Which peer a clone is of, by its scripts; empty for none."""
    return next((name for name, scripts in PEERS.items() if (clone / scripts[0].path).is_file()), "")


def compare(clone: Path, python: Path, images: Images, sources: Callable[[], Path]) -> Iterator[Row]:
    """A row for each number of each script; nothing for a clone of another peer.

    A script that fails has rows that say with which last line, and what it needs.

    sources: gives the folder of the weights that both sides read, when it is needed.
    """
    peer = peer_of(clone)
    for script in PEERS.get(peer, ()):
        said, failed = _run(clone, python, script, images, sources)
        found = re.search(script.pattern, said)
        needs = f" (it needs {script.needs})" if script.needs else ""
        for place, (theirs_is, metric) in enumerate(script.numbers.items()):
            if metric and found:
                yield Row(peer, theirs_is, metric, float(found[place + 1]), ours(images, metric, sources()))
            elif metric:
                yield Row(peer, theirs_is, metric, why=f"not run: {failed}{needs}")


def _run(clone: Path, python: Path, script: Script, images: Images, sources: Callable[[], Path]) -> tuple[str, str]:
    """What the script printed, and its last line."""
    if not (clone / script.path).is_file():
        return "", f"{clone} has no {script.path}"
    with TemporaryDirectory() as scratch:
        for place, file in script.weights.items():
            link = Path(scratch, place)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((sources() / file).resolve())
        filled = [word.format(restored=images.restored, truth=images.truth, scratch=scratch) for word in script.words]
        command = [python, LAUNCHER, clone / script.path, *filled]
        done = finished(command, scratch, *(clone / folder for folder in FOLDERS))
    return done.said, done.last
