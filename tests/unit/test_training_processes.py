"""Training in two processes: the same batches, the same losses, the same weights as in one, but for rounding."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from clrface.manifest import Entry, write_manifest
from clrface.training.stage import StageSpec

NETWORK = {"channels": [8, 16], "layers": 1, "patch": 2, "norm_groups": 4, "head_dim": 8}
SPEC = StageSpec("unet", 5, 4, 2e-3, NETWORK, {}, warmup=1, log_every=1)


def train(aligned: Path, manifest: Path, sources: Path, out: Path, processes: int) -> tuple[list[dict[str, float]], Path]:
    """Train by the command, as the workflow does; the losses that it logged, and its folder."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    words = ["--spec", json.dumps(asdict(SPEC)), "--faces", str(aligned.parent), "--manifest", str(manifest), "--recipe", "training"]
    places = ["--raw", str(sources), "--models", str(out), "--out", str(out / "unet")]
    command = [sys.executable, *launcher, "-m", "clrface", "train", *words, *places, "--workers", "0", "--device", "cpu"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in (out / "unet.work/losses.jsonl").read_text().splitlines()]
    return [line for line in lines if "l1" in line], out / "unet"


def test_two_processes_train_as_one(aligned_orl: Path, sources: Path, tmp_path: Path) -> None:
    files = sorted(aligned_orl.glob("*.png"))
    entries = [Entry(path.stem, path.name, "", "val" if number < 2 else "train", sha256_file(path)) for number, path in enumerate(files)]
    write_manifest(tmp_path / "faces.csv", entries)
    (one, alone), (two, together) = (train(aligned_orl, tmp_path / "faces.csv", sources, tmp_path / str(count), count) for count in (1, 2))
    assert [line["step"] for line in one] == [line["step"] for line in two] == [1, 2, 3, 4, 5]
    assert [line["l1"] for line in two] == pytest.approx([line["l1"] for line in one], rel=1e-4)
    weights = "diffusion_pytorch_model.safetensors"
    for key, value in load_file(alone / weights).items():
        assert_close(load_file(together / weights)[key].float(), value.float(), atol=2e-3, rtol=0)
