"""Contests of what makes images: degradation, sampling, and restoring."""

import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.side.inputs import Scene
from benchmarks.side.rows import Contest, Tolerance
from benchmarks.side.task import Task
from clrface.catalogue import DEGRADATIONS
from clrface.degradation.apply import apply
from clrface.degradation.draw import Draws, draw, get_degradation, load_degradations
from clrface.images import read_rgb, to_bytes, to_unit
from clrface.models.unet import latent_unet
from clrface.registry import make_method
from clrface.restoration.estimate import Estimate
from clrface.restoration.sampler import Sampler, SamplerSpec
from clrface.schedule import SCHEDULE
from clrface.seeds import generator
from tests.unit import official_weights

BYTE = Tolerance(absolute=1, unit="of 255")
FACES = 2
"""Images that are restored; each takes seconds."""
STEPS, LATENT_PX, LATENT_CHANNELS = 8, 32, 4
FIDELITY = 0.5
SIDE_PX = 512


def degradation(scene: Scene) -> Iterator[Contest]:
    """One image in memory by BasicSR's functions; a file to a training pair by GFPGAN's data set."""
    images = scene.images()
    files = sorted(images.truth.iterdir())
    shared: dict[str, Any] = {"group": "degradation", "images": len(files), "tolerance": BYTE, "aim": 2.0}
    plain = [_drawn("vqfr_v1", path, scene) for path in files]
    yield Contest(
        ours_is="vqfr_v1, in memory",
        theirs_is="its functions in GFPGAN's order, the same draws",
        make=lambda: _degrading(files, plain),
        task="benchmarks.side.theirs.degradation:functions",
        options={
            "images": [str(path) for path in files],
            "draws": [asdict(one) for one in plain],
        },
        **_found(scene, "BasicSR"),
        **shared,
    )
    coloured = [_drawn("gfpgan", path, scene) for path in files]
    yield Contest(
        ours_is="gfpgan, file to tensors",
        theirs_is="FFHQDegradationDataset, the same draws",
        make=lambda: _training_pairs(files, coloured),
        task="benchmarks.side.theirs.degradation:data_set",
        options={
            "folder": str(images.truth),
            "size": scene.size,
            "draws": {path.name: asdict(one) for path, one in zip(files, coloured, strict=True)},
        },
        **_found(scene, "GFPGAN", "BasicSR"),
        **shared,
    )


def _drawn(name: str, path: Path, scene: Scene) -> Draws:
    chosen = get_degradation(load_degradations(DEGRADATIONS), name)
    return draw(chosen, scene.size, False, generator(scene.seed, "side by side", name, path.stem))


def _degrading(files: list[Path], draws: list[Draws]) -> Task:
    pairs = list(zip([read_rgb(path) for path in files], draws, strict=True))
    return Task(lambda: [apply(image, drawn) for image, drawn in pairs])


def _training_pairs(files: list[Path], draws: list[Draws]) -> Task:
    """A file to the truth and its degraded form in [-1, 1], as GFPGAN's data set gives them."""

    def pair(path: Path, drawn: Draws) -> tuple[np.ndarray, ...]:
        truth = read_rgb(path)
        degraded = apply(truth, drawn)
        for image in (truth, degraded):
            torch.from_numpy(to_unit(image)).mul_(2).sub_(1)
        return truth, degraded

    pairs = list(zip(files, draws, strict=True))
    return Task(lambda: [pair(*one) for one in pairs], lambda: np.stack([pair(*one)[1] for one in pairs]))


def sampling(scene: Scene) -> Iterator[Contest]:
    """Our sampler's DDIM from noise beside diffusers' pipeline, with one U-Net of the prior's size."""
    folder, count = scene.folder / "unet", min(scene.count, 4)
    if not folder.exists():
        torch.manual_seed(scene.seed)
        network = latent_unet(LATENT_CHANNELS, LATENT_CHANNELS)
        network.register_to_config(sample_size=LATENT_PX)
        network.save_pretrained(folder)
    yield Contest(
        "sampling",
        f"ddim, {STEPS} steps",
        "diffusers",
        "DDIMPipeline",
        lambda: _sampling(folder, count, scene.seed),
        "benchmarks.side.theirs.sampling:ddim",
        {"network": str(folder), "schedule": SCHEDULE, "count": count, "steps": STEPS, "seed": scene.seed},
        count,
        Tolerance(absolute=1e-3),
        package="diffusers",
        weights="random",
    )


def _sampling(folder: Path, count: int, seed: int) -> Task:
    from diffusers import UNet2DModel

    sampler = Sampler(UNet2DModel.from_pretrained(folder).eval(), SamplerSpec(start="noise", solver="ddim", steps=STEPS))
    nothing = torch.zeros(count, 0, LATENT_PX, LATENT_PX)  # no condition, as their pipeline has none
    image = torch.zeros(count, 3, 1, 1)
    known = Estimate(nothing, nothing, image, image, image)

    @torch.no_grad()
    def run() -> np.ndarray:
        noise = torch.randn(count, LATENT_CHANNELS, LATENT_PX, LATENT_PX, generator=torch.Generator().manual_seed(seed))
        z = sampler.run(noise, known)
        return (z / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()

    return Task(run)


def restoring(scene: Scene) -> Iterator[Contest]:
    """GFPGAN, RestoreFormer and CodeFormer: files of aligned faces to restored faces."""
    images = sorted(scene.images(min(scene.count, FACES), SIDE_PX).restored.iterdir())
    shared = {"group": "restoring", "images": len(images), "tolerance": BYTE, "weights": "random"}
    of_gfpgan = _found(scene, "GFPGAN", "BasicSR") | {"needs": ("gfpgan", "basicsr", "facexlib")}
    for name, arch in (("gfpgan_1_4", "clean"), ("restoreformer", "RestoreFormer")):
        yield Contest(
            ours_is=name,
            theirs_is=f"GFPGANer.enhance, arch {arch}, aligned",
            make=lambda name=name: _restoring(name, images, scene),
            task="benchmarks.side.theirs.restoring:gfpgan",
            options=_with_weights(scene, name, images) | {"arch": arch},
            prepare=lambda name=name: write_rival(scene, name),
            **of_gfpgan,
            **shared,
        )
    yield Contest(
        ours_is="codeformer",
        theirs_is="inference_codeformer.py's lines for aligned faces",
        make=lambda: _restoring("codeformer", images, scene),
        task="benchmarks.side.theirs.restoring:codeformer",
        options=_with_weights(scene, "codeformer", images) | {"fidelity": FIDELITY},
        prepare=lambda: write_rival(scene, "codeformer"),
        **_found(scene, "CodeFormer"),
        **shared,
    )


def _with_weights(scene: Scene, name: str, images: list[Path]) -> dict[str, Any]:
    """The options that all of them take."""
    file = scene.sources / name / official_weights.RIVALS[name][0]
    return {"weights": str(file), "images": [str(path) for path in images]}


def write_rival(scene: Scene, name: str) -> None:
    """Random weights of a rival in its authors' layout. GFPGAN's noise has weight 0, as at the start of training: two draws, one face."""
    file, key = official_weights.RIVALS[name]
    if not (scene.sources / name / file).exists():
        torch.manual_seed(scene.seed)
        network: Any = make_method(name, {})
        official_weights.save({key: network.make_network().state_dict()}, scene.sources / name / file)


def _restoring(name: str, images: list[Path], scene: Scene) -> Task:
    method = make_method(name, {"fidelity": FIDELITY} if name == "codeformer" else {})
    method.load(None, "cpu", scene.sources)

    def run() -> list[np.ndarray]:
        return [to_bytes(method.restore(torch.from_numpy(to_unit(read_rgb(path)[None])), [scene.seed]).numpy())[0] for path in images]

    return Task(run, lambda: np.stack(run()))


PACKAGES = {"BasicSR": "basicsr", "GFPGAN": "gfpgan", "CodeFormer": "basicsr"}
"""CodeFormer's clone has a `basicsr` of its own."""


def _found(scene: Scene, peer: str, *others: str) -> dict[str, Any]:
    """What a contest says of a peer whose clone may be given, and of the peers that it builds on."""
    names = (peer, *others)
    clones = tuple(scene.clones[name] for name in names if name in scene.clones)
    version = _commit(scene.clones[peer]) if peer in scene.clones else ""
    return {"peer": peer, "package": PACKAGES[peer], "version": version, "needs": tuple(PACKAGES[name] for name in names), "clones": clones}


def _commit(clone: Path) -> str:
    """The clone's commit, short; empty where git can't tell."""
    done = subprocess.run(["git", "-C", str(clone), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()
