"""Images and weights for both sides, in the layouts that each looks for."""

import functools
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from PIL import Image
from scipy.io import savemat

from benchmarks.peers.rows import Images
from clrface.catalogue import DEGRADATIONS
from clrface.degradation.chunk import degrade_image
from clrface.degradation.draw import get_degradation, load_degradations
from clrface.images import write_png
from clrface.intact import source_file
from clrface.seeds import generator
from tests.unit import official_weights

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "cat")
LEAST_SHARE = 0.6
"""Of a photograph's shorter side, in a crop."""
TRUNKS = {"vgg": "vgg16/vgg16-397923af.pth", "alex": "alexnet/alexnet-owt-7be5be79.pth"}
INCEPTION = "inception/pt_inception-2015-12-05-6726825d.pth"
FETCHED = ("lpips/vgg.pth", "niqe_official/niqe_pris_params.npz", "stlpips/alex_shift_tolerant.pth")
"""One file of each source that comes from the package index."""
RANDOM, REAL = "random", "real"


@dataclass
class Scene:
    """What all contests of a run share."""

    folder: Path
    """For what is made."""
    raw: Path
    """The fetched sources."""
    count: int
    size: int
    seed: int
    threads: int
    clones: Mapping[str, Path] = field(default_factory=dict)
    """By the peer's name."""

    @property
    def sources(self) -> Path:
        """Sources as ours look for them: fetched ones, and random weights."""
        return self.folder / "sources"

    @property
    def torch_home(self) -> Path:
        """The same files as the peers' packages look for them."""
        return self.folder / "torch"

    def images(self, count: int | None = None, size: int | None = None) -> Images:
        """Pairs of degraded and true images; made at the first call for that count and size."""
        count, size = count or self.count, size or self.size
        folder = self.folder / f"images_{count}_{size}"
        if not folder.exists():
            make_images(folder, count, size, self.seed)
        return Images(folder / "restored", folder / "truth")


def make_images(folder: Path, count: int, size: int, seed: int) -> None:
    """Write square crops of scikit-image's photographs, each degraded by `gfpgan`."""
    degradation = get_degradation(load_degradations(DEGRADATIONS), "gfpgan")
    for number in range(count):
        rng = generator(seed, "side by side", str(number))
        truth = _crop(getattr(skimage.data, PHOTOGRAPHS[number % len(PHOTOGRAPHS)])(), size, rng)
        write_png(folder / "truth" / f"{number:04d}.png", truth)
        write_png(folder / "restored" / f"{number:04d}.png", degrade_image(truth, degradation, rng)[0])


def _crop(photograph: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    height, width, _ = photograph.shape
    side = int(rng.uniform(LEAST_SHARE, 1) * min(height, width))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(crop.resize((size, size), Image.Resampling.LANCZOS))


def metric_weights(scene: Scene) -> dict[str, str]:
    """Write what LPIPS, NIQE, FID and ST-LPIPS read, for both sides; once a scene.

    Returns: `real` or `random` by network: vgg, alex, inception.

    Raises: UserError for a source of the package index that isn't fetched.
    """
    told = {name: REAL if (scene.raw / file).is_file() else RANDOM for name, file in (TRUNKS | {"inception": INCEPTION}).items()}
    if scene.sources.exists():
        return told
    torch.manual_seed(scene.seed)
    for file in FETCHED:
        shutil.copytree(source_file(scene.raw, file).parent, (scene.sources / file).parent)
    for name, file in TRUNKS.items():
        _linked_or_made(scene, file, functools.partial(official_weights.trunk, name))
    _linked_or_made(scene, INCEPTION, official_weights.inception)
    _write_torch_home(scene)
    return told


def _linked_or_made(scene: Scene, file: str, make: Callable[[], Any]) -> None:
    """Link a fetched file, or write a random one."""
    target = scene.sources / file
    target.parent.mkdir(parents=True)
    if (scene.raw / file).is_file():
        target.symlink_to((scene.raw / file).absolute())
    else:
        torch.save(make(), target)


def _write_torch_home(scene: Scene) -> None:
    """The same files by the names under which torchvision, pytorch-fid and pyiqa keep their downloads."""
    hub, sources = scene.torch_home / "hub" / "checkpoints", scene.sources
    pyiqa = scene.torch_home / "hub" / "pyiqa"
    for folder in (hub, pyiqa):
        folder.mkdir(parents=True)
    for name, file in TRUNKS.items():
        _with_classifier(name, sources / file, hub)
    for folder in (hub, pyiqa):
        shutil.copy(sources / INCEPTION, folder)
    shutil.copy(sources / "lpips" / "vgg.pth", pyiqa / "LPIPS_v0.1_vgg-a78928a0.pth")
    shutil.copy(sources / "lpips" / "alex.pth", pyiqa / "LPIPS_v0.1_alex-df73285e.pth")
    shutil.copy(sources / "stlpips" / "alex_shift_tolerant.pth", pyiqa)
    with np.load(sources / "niqe_official" / "niqe_pris_params.npz") as stored:
        savemat(pyiqa / "niqe_modelparameters.mat", {f"{name}_prisparam": stored[f"{name}_pris_param"] for name in ("mu", "cov")})


def _with_classifier(name: str, trunk: Path, folder: Path) -> None:
    """A trunk with a classifier, which torchvision wants and LPIPS leaves aside: one stored zero for each tensor that is missing."""
    from torchvision import models

    with torch.device("meta"):
        whole = {"vgg": models.vgg16, "alex": models.alexnet}[name]().state_dict()
    stored = torch.load(trunk)
    stored = {key: stored[key] for key, value in whole.items() if key in stored and stored[key].shape == value.shape}
    filled = {key: stored.get(key, torch.zeros(()).expand(value.shape)) for key, value in whole.items()}
    torch.save(filled, folder / trunk.name)
