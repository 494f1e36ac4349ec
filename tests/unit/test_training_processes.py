"""Training in two processes: the same batches, the same losses, the same weights as in one, but for rounding."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from safetensors.torch import load_file

from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from clrface.manifest import Entry, write_manifest
from tests.stages import stage_spec

NETWORK = {"channels": [8, 16], "layers": 1, "patch": 2, "norm_groups": 4, "head_dim": 8}
ALL_LOSSES = {"perceptual": 0.1, "perceptual_share": 0.5, "adversarial": 0.01, "identity": 0.07, "identity_share": 0.5}
SPEC = stage_spec("irn", 5, 4, 3e-4, NETWORK, ALL_LOSSES, warmup=1, log_every=1)
"""Of 4 faces, 2 are for the perceptual loss and 2 for the identity's: one of each two that a process has."""
ACCELERATE = "from clrface.torchvision_import import prepare; prepare(); from accelerate.commands.launch import main; main()"
"""`accelerate launch`, whose own command imports a torchvision that isn't made for a torch without CUDA."""
LAUNCHERS = {
    "alone": [],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "accelerate": [
        "-c",
        ACCELERATE,
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
    ],
}


def train(aligned: Path, manifest: Path, sources: Path, out: Path, launcher: str) -> tuple[list[dict[str, float]], Path]:
    """Train by the command, as the workflow does; the losses that it logged, and its folder."""
    words = ["--spec", json.dumps(asdict(SPEC)), "--faces", str(aligned.parent), "--manifest", str(manifest), "--degradation", "training"]
    places = ["--raw", str(sources), "--models", str(out), "--out", str(out / "irn")]
    command = [sys.executable, *LAUNCHERS[launcher], "-m", "clrface", "train", *words, *places, "--workers", "0", "--device", "cpu"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in (out / "irn.work/losses.jsonl").read_text().splitlines()]
    return [line for line in lines if "l1" in line], out / "irn"


@pytest.fixture(scope="module")
def faces(aligned_orl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their manifest, in a folder for what is trained."""
    files = sorted(aligned_orl.glob("*.png"))
    entries = [Entry(path.stem, path.name, "", "val" if number < 2 else "train", sha256_file(path)) for number, path in enumerate(files)]
    manifest = tmp_path_factory.mktemp("processes") / "faces.csv"
    write_manifest(manifest, entries)
    return manifest


@pytest.fixture(scope="module")
def alone(faces: Path, aligned_orl: Path, sources: Path) -> tuple[list[dict[str, float]], Path]:
    return train(aligned_orl, faces, sources, faces.parent / "alone", "alone")


@pytest.mark.parametrize("launcher", ["torchrun", "accelerate"])
def test_two_processes_train_as_one(
    launcher: str, alone: tuple[list[dict[str, float]], Path], faces: Path, aligned_orl: Path, sources: Path
) -> None:
    lines, folder = train(aligned_orl, faces, sources, faces.parent / launcher, launcher)
    expected, folder_alone = alone
    assert [line["step"] for line in lines] == [line["step"] for line in expected] == [1, 2, 3, 4, 5]
    assert {"l1", "perceptual", "identity", "adversarial"} <= set(expected[0])
    for found, sought, rounding in zip(lines, expected, (1e-5, 1e-2, 1e-2, 1e-2, 1e-2), strict=True):
        assert {key: found[key] for key in sought} == pytest.approx(sought, rel=rounding)
    weights = "diffusion_pytorch_model.safetensors"
    together = load_file(folder / weights)
    apart = [(together[key].float() - value.float()).abs().mean().item() for key, value in load_file(folder_alone / weights).items()]
    assert sum(apart) / len(apart) < 0.2 * SPEC.learning_rate, (
        "five steps move a weight by five times the rate; Adam makes a step of rounding"
    )
