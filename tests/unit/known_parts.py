"""Methods, protocols and sets that a config may name, and the mistakes that a check against them finds."""

from pathlib import Path
from typing import Any

import pytest

from clrface.api import MethodCard
from clrface.config.checks import validate_config
from clrface.config.schema import Known
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.registry import method_cards

CLRFACE = {
    "start": "irn",
    "t0": 0.5,
    "solver": "ddim",
    "steps": 50,
    "guidance": "none",
    "guidance_scale": 2.0,
    "guidance_every": 1,
    "target": "head",
    "mask": "learned",
    "residual": 0.0,
    "latents": "f4",
}
ACCEPTS = method_cards()["clrface"].accepts
KNOWN = Known(
    methods={
        "input": MethodCard("input", "Degraded input", stochastic=False),
        "ground_truth": MethodCard("ground_truth", "Ground truth", stochastic=False, sees_truth=True),
        "unet": MethodCard("unet", "U-Net", stochastic=False, trained_here=True),
        "unet_perceptual": MethodCard("unet_perceptual", "U-Net (perceptual)", stochastic=False, trained_here=True),
        **{name: MethodCard(name, name, stochastic=False) for name in ("nlm", "wiener", "unet_gan", "codebook", "pixel_diffusion")},
        "clrface": MethodCard("clrface", "CLR-Face", stochastic=True, trained_here=True, params=CLRFACE, accepts=ACCEPTS),
        "clrface_parts": MethodCard(
            "clrface_parts", "Part", stochastic=True, part_of="clrface", sees_truth=True, params={"part": "irn", **CLRFACE}
        ),
        "fidelity": MethodCard("fidelity", "Fidelity", stochastic=False, params={"w": 0.5, "upsample": True, "net": "small", "mask": None}),
        "gone": MethodCard("gone", "Gone", stochastic=False, resolution=512, external=True, unable="its weights are gone"),
        "pixels": MethodCard(
            "pixels", "Pixels", stochastic=True, part_of="pixel_diffusion", params={"start": "noise", "total_steps": 250, "steps": 100}
        ),
        "large": MethodCard("large", "Large", stochastic=False, params={"w": 0.5}, resolution=512),
    },
    protocols=["ablation", "embedded", "vqfr", "real_world", "recognition"],
    degradations=["blind", "severe", "mild", "training", "x4", "x8", "x16", "as_is"],
    manifests=["orl", "utkface", "lfw25"],
    metrics=["psnr", "stlpips_alex", "kd_effnet", "idd_dlib"],
)


def mistakes(config: dict[str, Any], folder: Path = ROOT) -> list[str]:
    """The message's lines, without the first."""
    with pytest.raises(UserError) as caught:
        validate_config(config, KNOWN, folder)
    head, *lines = str(caught.value).splitlines()
    assert head == "The config has mistakes; nothing was run."
    return [line.removeprefix("  ") for line in lines]
