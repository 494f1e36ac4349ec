"""Every stage of training with a tiny network and a few steps, and what runs one in-process."""

import json
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from clrface.degradation.draw import load_degradations
from clrface.fingerprint import ROOT
from clrface.stages import METHOD_OF
from clrface.training.loop import LOSSES, train
from clrface.training.run import STAGES
from clrface.training.stage import Stage, StageSpec
from tests.stages import stage_spec

DEGRADATION = load_degradations(ROOT / "clrface/catalogue/degradations.yaml")["training"]
UNET = {"channels": [16, 32], "attention_levels": 1, "norm_groups": 8, "head_dim": 16}
VQ = {
    "perceptual": 0.5,
    "perceptual_share": 0.25,
    "adversarial": 0.02,
    "adversarial_from": 0.5,
    "quantise_from": 0.2,
    "revive_every": 2,
}
TINY = {
    "unet": stage_spec("unet", 6, 4, 1e-3, UNET, {}, checkpoint_every=2, log_every=1),
    "unet_perceptual": stage_spec(
        "unet_perceptual", 4, 4, 1e-3, UNET, {"start_from": "unet", "perceptual": 0.3, "perceptual_share": 0.25}, log_every=1
    ),
    "irn": stage_spec(
        "irn",
        steps=4,
        batch=4,
        learning_rate=1e-3,
        network=UNET,
        options={"start_from": "unet", "perceptual": 0.3, "perceptual_share": 0.25, "identity": 0.1, "identity_share": 0.25},
        log_every=1,
    ),
    "autoencoder": stage_spec(
        "autoencoder",
        steps=6,
        batch=4,
        learning_rate=1e-3,
        network={"channels": [16, 32], "codes": 32, "norm_groups": 8},
        options=VQ,
        checkpoint_every=2,
        sample_every=3,
        log_every=1,
    ),
    "decoder": stage_spec(
        "decoder",
        steps=4,
        batch=4,
        learning_rate=1e-3,
        network={},
        options={
            "perceptual": 0.2,
            "perceptual_share": 0.25,
            "identity": 0.1,
            "identity_share": 0.5,
            "adversarial": 0.02,
            "adversarial_from": 0.5,
        },
        log_every=1,
    ),
    "identity": stage_spec("identity", 4, 4, 1e-3, {}, {}, log_every=1),
    "unet_gan": stage_spec(
        "unet_gan",
        steps=4,
        batch=4,
        learning_rate=1e-3,
        network=UNET,
        options={"start_from": "unet_perceptual", "perceptual": 0.1, "perceptual_share": 0.25, "adversarial": 0.01},
        log_every=1,
    ),
    "codebook_vq": stage_spec(
        "codebook_vq",
        steps=6,
        batch=4,
        learning_rate=1e-3,
        network={"channels": [16, 16, 32, 32], "codes": 16, "latent_channels": 8, "norm_groups": 8},
        options=VQ,
        log_every=1,
    ),
    "codebook": stage_spec(
        "codebook", 4, 4, 1e-3, {"places": 16, "width": 16, "depth": 1, "heads": 2}, {"code": 0.5, "feature": 1.0}, log_every=1
    ),
    "pixel_diffusion": stage_spec("pixel_diffusion", 4, 4, 1e-3, UNET, {}, log_every=1, sample_every=4),
    "prior": stage_spec("prior", 4, 4, 1e-3, UNET, {"near_t0": 0.4}, log_every=1, sample_every=4),
    "autoencoder_f8_short": stage_spec(
        "autoencoder_f8_short",
        4,
        2,
        1e-3,
        {"channels": [16, 16, 32], "codes": 16, "latent_channels": 3, "norm_groups": 8, "luminance": True},
        VQ,
        log_every=1,
    ),
    "prior_f8_short": stage_spec("prior_f8_short", 4, 4, 1e-3, UNET, {"near_t0": 0.4}, log_every=1, sample_every=4),
    "refiner": stage_spec(
        "refiner",
        steps=4,
        batch=4,
        learning_rate=1e-3,
        network={},
        options={
            "t0": 0.3,
            "steps": 3,
            "residual": 0.7,
            "perceptual": 0.2,
            "perceptual_share": 0.25,
            "identity": 0.1,
            "identity_share": 0.25,
            "adversarial": 0.02,
        },
        checkpoint_every=2,
        log_every=1,
    ),
    "mask": stage_spec(
        "mask", 4, 2, 1e-2, {"width": 8}, {"scale": 0.5, "t0": 0.5, "residual": 1.0, "sparsity": 0.02, "perceptual": 0.5}, log_every=1
    ),
}


class Killed(Exception):
    """Stands for the signal."""


def run(
    spec: StageSpec, out: Path, faces: np.ndarray, sources: Path, kill_at: int | None = None, workers: int = 0
) -> list[dict[str, float]]:
    """Train a stage as the command does, in-process; the losses that it logged."""
    torch.manual_seed(0)
    models = place(out, spec.name).parent
    stage = STAGES[spec.name](spec, sources, models, torch.device("cpu"))
    if kill_at is not None:
        _kill(stage, kill_at)
    train(stage, spec, Accelerator(cpu=True), models / spec.name, faces, faces, DEGRADATION, 0, workers)
    return losses(out, spec)


def place(out: Path, stage: str) -> Path:
    """Where a stage's weights go, as under results/train."""
    return out / METHOD_OF[stage] / stage


def work(out: Path, stage: str) -> Path:
    return place(out, stage).with_name(f"{stage}.work")


def losses(out: Path, spec: StageSpec) -> list[dict[str, float]]:
    """The losses of the steps; validation has lines of its own."""
    file = work(out, spec.name) / LOSSES
    lines = [json.loads(line) for line in file.read_text().splitlines()] if spec.steps else []
    return [line for line in lines if not any(key.startswith("val_") for key in line)]


def _kill(stage: Stage, at: int) -> None:
    after = stage.after_step

    def killed(batch: dict[str, torch.Tensor], step: int) -> None:
        after(batch, step)
        if step == at:
            raise Killed

    stage.after_step = killed  # type: ignore[method-assign]
