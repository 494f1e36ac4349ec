"""The rivals' networks: by their authors' code, and by spandrel's as we call it, with the same random weights."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.peers.process import finished
from benchmarks.peers.rows import Images, Row
from clrface.images import read_rgb, to_unit

RUNNER = Path(__file__).with_name("their_network.py")
SIDE_PX = 512
ROUNDING = 1e-3
"""How far apart two versions of torch may be, in units of the output's standard deviation. With one version they are equal."""


class Network(NamedTuple):
    """Where a clone has the network of one of our methods."""

    peer: str
    module: str
    name: str
    bare: Sequence[str] = ()
    options: Mapping[str, Any] = {}
    call: Mapping[str, Any] = {}
    our_call: Mapping[str, Any] = {}
    needs: str = "basicsr"


GFPGAN = {"out_size": 512, "channel_multiplier": 2, "fix_decoder": False, "input_is_latent": True, "different_w": True, "sft_half": True}
RESTOREFORMER = {"ch": 64, "ch_mult": [1, 2, 2, 4, 4, 8], "attn_resolutions": [16], "fix_codebook": True, "head_size": 8}
NO_NOISE = {"return_rgb": False, "randomize_noise": False}
NETWORKS = {
    "gfpgan_1_4": Network(
        "GFPGAN", "gfpgan.archs.gfpganv1_clean_arch", "GFPGANv1Clean", ("gfpgan", "gfpgan.archs"), GFPGAN, NO_NOISE, NO_NOISE
    ),
    "restoreformer": Network(
        "RestoreFormer", "RestoreFormer.modules.vqvae.vqvae_arch", "VQVAEGANMultiHeadTransformer", options=RESTOREFORMER
    ),
    "codeformer": Network(
        "CodeFormer",
        "basicsr.archs.codeformer_arch",
        "CodeFormer",
        ("basicsr", "basicsr.archs"),
        call={"w": 0.5, "adain": True},
        our_call={"weight": 0.5},
        needs="its requirements",
    ),
}


def compare(clone: Path, python: Path, images: Images) -> Iterator[Row]:
    """A row for each network that the clone has; nothing for a clone without one."""
    for method, network in NETWORKS.items():
        if (clone / (network.module.replace(".", "/") + ".py")).is_file():
            yield _compare(clone, python, images, method, network)


def _compare(clone: Path, python: Path, images: Images, method: str, network: Network) -> Row:
    label = f"{network.name}'s output for one face: largest difference, in its standard deviations"
    face = read_rgb(sorted(images.truth.iterdir())[0])
    if face.shape[:2] != (SIDE_PX, SIDE_PX):
        return Row(network.peer, label, method, why=f"not run: it needs images of {SIDE_PX}x{SIDE_PX}")
    from tests.unit.official_weights import RIVALS, write_rival  # it imports torchvision, which `main` has prepared by now

    x = 2 * to_unit(face[None]).astype(np.float32) - 1
    with TemporaryDirectory() as folder:
        ours = write_rival(method, Path(folder)).eval()
        file, key = RIVALS[method]
        job = {"clone": str(clone), "module": network.module, "bare": network.bare, "class": network.name, "key": key}
        job |= {"options": network.options, "call": network.call, "weights": f"{folder}/{method}/{file}"}
        job |= {"input": f"{folder}/input.npy", "output": f"{folder}/output.npy"}
        np.save(job["input"], x)
        Path(folder, "job.json").write_text(json.dumps(job))
        done = finished([python, RUNNER, f"{folder}/job.json"], folder, clone)
        if done.failed:
            return Row(network.peer, label, method, why=f"not run: {done.last} (it needs {network.needs})")
        theirs = np.load(job["output"])
    with torch.no_grad():
        given = ours(torch.from_numpy(np.ascontiguousarray(x)), **network.our_call)[0].numpy()
    return Row(network.peer, label, method, 0.0, float(np.abs(given - theirs).max() / theirs.std()), absolute=ROUNDING)
