"""Training pairs, newly degraded at every step, in the loader's workers.

Faces that would fill the memory are read from their files when they are drawn (`FaceFiles`).

A sample is named by (seed, step, slot). The name alone determines the face, its augmentation, its
degradation, and the seed of the network's own noise. So the data doesn't depend on the number of
workers or processes. A run that resumes at a step sees the data of an unbroken run.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from clrface.align.index import read_index
from clrface.api import OK
from clrface.degradation.apply import apply, grey, is_grey
from clrface.degradation.draw import Degradation, draw
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import check_square, read_rgb, read_size, to_unit
from clrface.manifest import read_manifest
from clrface.seeds import derive_seed

Batch = dict[str, torch.Tensor]
"""`hq`, `lq`: ground truth and degraded face, (B, 3, H, W) float32 RGB in [0, 1] each, of one size;
`seed`: (B,) int64, one an image for noise; `latent`, where latents are cached: E(hq), (B, C, h, w)
float32.
"""

GAIN, BIAS = (0.85, 1.15), (-0.08, 0.08)  # mild contrast and brightness

AGAIN = "Align the training faces again, all at one resolution."

MEMORY_BYTES = 8 * 2**30
"""Faces that need more are read when they are drawn: FFHQ's at 512x512 would take 55 GB in each
process.
"""


class FaceFiles:
    """Aligned faces in their PNGs, indexed like an array of them, (R, R, 3) uint8 RGB each.

    Indexing raises UserError for a file that is missing or damaged.
    """

    def __init__(self, paths: Sequence[Path]):
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_rgb(self.paths[index])


Faces = np.ndarray | FaceFiles


def faces_digest(faces: Faces) -> str:
    """Return a SHA-256 in hexadecimal: over all pixels of an array, in order; over the checksums of
    the files of `FaceFiles`. So the same faces have one digest in memory and another as files.
    """
    if isinstance(faces, np.ndarray):
        return hashlib.sha256(faces.tobytes()).hexdigest()
    told = "".join(sha256_file(path) for path in tqdm(faces.paths, desc="checksums of faces", unit="image", leave=False))
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class TrainingSet:
    """Aligned training faces: `folder` holds chunks of them, the csv `manifest` their splits."""

    folder: Path
    manifest: Path

    def paths(self, split: str) -> list[Path]:
        """Return the faces of a split (`train`, `val`), in the manifest's order, without those that
        could not be aligned.

        Raises: UserError for a face that is neither aligned nor recorded as failed.
        """
        chunks = sorted(path for path in self.folder.glob("*") if path.is_dir())
        there = {path.stem: path for chunk in chunks for path in chunk.glob("*.png")}
        without = {row["image_id"] for chunk in chunks for row in read_index(chunk) if row["status"] != OK}
        ids = [entry.image_id for entry in read_manifest(self.manifest) if entry.split == split and entry.image_id not in without]
        if missing := [image_id for image_id in ids if image_id not in there]:
            raise UserError(
                f"Found {len(ids) - len(missing)} of {len(ids)} training faces under {self.folder}; "
                f"the first missing one is {missing[0]}. Align them first."
            )
        return [there[image_id] for image_id in ids]


def load_faces(sets: Sequence[TrainingSet], split: str, memory_bytes: int = MEMORY_BYTES) -> Faces:
    """Load the aligned faces of a split, set after set: (N, R, R, 3) uint8 RGB, or `FaceFiles`
    where the array would exceed `memory_bytes`.

    Raises: UserError for a split without faces, a face that is missing, damaged or no square, and
    faces of several sizes.
    """
    paths = [path for faces in sets for path in faces.paths(split)]
    if not paths:
        manifests = ", ".join(dict.fromkeys(str(faces.manifest) for faces in sets)) or "no set"
        raise UserError(
            f"Found no face of the split '{split}' in {manifests}, expected at least one that could be aligned. "
            f"Train on more faces, or write `{split}` in the column `split` of some rows there."
        )
    first = read_rgb(paths[0])
    check_square(first, paths[0], AGAIN)
    _check_sizes(paths)
    if len(paths) * first.nbytes > memory_bytes:
        return FaceFiles(paths)
    return np.stack([read_rgb(path) for path in tqdm(paths, desc="reading faces", unit="image")])


def _check_sizes(paths: Sequence[Path]) -> None:
    """Check that all faces have the first one's size, by their files' headers."""
    wanted = read_size(paths[0])
    for path in paths:
        if (found := read_size(path)) != wanted:
            sizes = ["x".join(map(str, size)) for size in (found, wanted)]
            raise UserError(f"{path} is {sizes[0]} pixels, but {paths[0]} is {sizes[1]}: training takes faces of one size. {AGAIN}")


class Latents(Protocol):
    """Cached latents E(x) of every face, in each form that training may use
    (clrface.training.latents).
    """

    def read(self, face: int, flipped: bool, grey: bool) -> torch.Tensor:
        """Return E(x), (C, h, w) float32, of the face with index `face`, mirrored, grey or both."""
        ...


class Pairs(Dataset[Batch]):
    """Map (step, slot) to a training pair, a `Batch` without its first axis; see the module's text.

    Args:
        seed: the training's; it is part of every sample's name.
        augment: draw a face, mirror half of them and change contrast and brightness mildly. False:
            slot s shows face s modulo their number, unchanged.
        grey_probability: of a ground truth made grey.
        latents: adds `latent`. The ground truth is then a face or its mirror image, never in
            another light: only those are encoded.
    """

    def __init__(
        self,
        faces: Faces,
        degradation: Degradation,
        seed: int,
        augment: bool = True,
        grey_probability: float = 0.5,
        latents: Latents | None = None,
    ):
        self.faces, self.degradation, self.seed, self.augment, self.grey_probability = faces, degradation, seed, augment, grey_probability
        self.latents = latents

    def __getitem__(self, name: tuple[int, int]) -> Batch:
        step, slot = name
        rng = np.random.default_rng(derive_seed(self.seed, "training sample", str(step), str(slot)))
        place = int(rng.integers(len(self.faces))) if self.augment else slot % len(self.faces)
        flipped = self.augment and rng.random() < 0.5
        truth = self.faces[place][:, ::-1] if flipped else self.faces[place]
        if self.augment and self.latents is None:
            truth = _lit(truth, rng)
        is_made_grey = rng.random() < self.grey_probability
        if is_made_grey:
            truth = grey(truth)
        draws = draw(self.degradation, truth.shape[0], is_grey(truth), rng)
        degraded = apply(truth, draws)
        if draws.grey and self.degradation.grey_truth:
            truth, is_made_grey = grey(truth), True
        seed = torch.tensor(int(rng.integers(2**62)))
        sample = {"hq": torch.from_numpy(to_unit(truth)), "lq": torch.from_numpy(to_unit(degraded)), "seed": seed}
        return sample if self.latents is None else sample | {"latent": self.latents.read(place, flipped, is_made_grey)}


def _lit(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change the light of a face mildly."""
    lit = (face.astype(np.float32) - 127.5) * rng.uniform(*GAIN) + 127.5 + 255 * rng.uniform(*BIAS)
    return np.rint(np.clip(lit, 0, 255)).astype(np.uint8)


class Steps(Sampler[list[tuple[int, int]]]):
    """The names of this process's samples, batch by batch, from step `first` to step `last` - 1.

    Of `world` processes, `rank` takes every `world`-th of a step's `batch` slots.
    """

    def __init__(self, first: int, last: int, batch: int, rank: int = 0, world: int = 1):
        self.first, self.last, self.batch, self.rank, self.world = first, last, batch, rank, world

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in range(self.first, self.last):
            yield [(step, slot) for slot in range(self.rank, self.batch, self.world)]

    def __len__(self) -> int:
        return self.last - self.first


def loader(pairs: Pairs, steps: Steps, workers: int) -> DataLoader[Batch]:
    """Return batches in the order of their steps, drawn by `workers` processes (0: by this one)."""
    return DataLoader(pairs, batch_sampler=steps, num_workers=workers, prefetch_factor=4 if workers else None)


def fixed_batch(faces: Faces, degradation: Degradation, seed: int, count: int, grey_probability: float) -> Batch:
    """Return at most `count` faces, evenly spaced over the set, unaugmented, degraded the same on
    every call.

    For sample sheets and validation.
    """
    pairs = Pairs(faces, degradation, seed, augment=False, grey_probability=grey_probability)
    count = min(count, len(faces))
    samples = [pairs[(0, slot)] for slot in np.linspace(0, len(faces) - 1, count, dtype=int).tolist()]
    return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}
