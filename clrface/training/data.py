"""Training pairs, degraded afresh at every step, in the loader's workers.

A sample is named by (seed, step, slot) and drawn from that name alone: which face, its augmentation, its degradation and
the seed for the network's own noise. So the data doesn't depend on the number of workers or processes, and a run that
resumes at a step sees what an unbroken run would have seen.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from clrface.degrade.apply import apply, grey, is_grey
from clrface.degrade.recipes import Recipe, draw
from clrface.errors import UserError
from clrface.images import read_rgb, to_unit
from clrface.seeds import derive_seed

Batch = dict[str, torch.Tensor]
"""`hq`, `lq`: (B, 3, H, W) float32 RGB in [0, 1]; `seed`: (B,) int64, one seed an image for noise."""

GAIN, BIAS = (0.85, 1.15), (-0.08, 0.08)  # mild contrast and brightness


def load_faces(folder: Path, ids: list[str]) -> np.ndarray:
    """Read the aligned faces of `ids`, wherever among the chunks of `folder` they lie, as (N, R, R, 3) uint8."""
    paths = {path.stem: path for path in Path(folder).glob("*/*.png")}
    missing = [image_id for image_id in ids if image_id not in paths]
    if missing:
        raise UserError(
            f"Found {len(ids) - len(missing)} of {len(ids)} training faces under {folder}; "
            f"the first missing one is {missing[0]}. Align them first."
        )
    return np.stack([read_rgb(paths[image_id]) for image_id in tqdm(ids, desc="reading faces", unit="image")])


class Pairs(Dataset[Batch]):
    """Sample (step, slot) as a training pair; see the module's text."""

    def __init__(self, faces: np.ndarray, recipe: Recipe, seed: int, augment: bool = True, grey_probability: float = 0.5):
        self.faces, self.recipe, self.seed, self.augment, self.grey_probability = faces, recipe, seed, augment, grey_probability

    def __getitem__(self, name: tuple[int, int]) -> Batch:
        step, slot = name
        rng = np.random.default_rng(derive_seed(self.seed, "training sample", str(step), str(slot)))
        face = self.faces[rng.integers(len(self.faces)) if self.augment else slot % len(self.faces)]
        truth = _augment(face, rng) if self.augment else face
        if rng.random() < self.grey_probability:
            truth = grey(truth)
        draws = draw(self.recipe, truth.shape[0], is_grey(truth), rng)
        degraded = apply(truth, draws)
        if draws.grey and self.recipe.grey_truth:
            truth = grey(truth)
        seed = torch.tensor(int(rng.integers(2**62)))
        return {"hq": torch.from_numpy(to_unit(truth)), "lq": torch.from_numpy(to_unit(degraded)), "seed": seed}


def _augment(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        face = face[:, ::-1]
    lit = (face.astype(np.float32) - 127.5) * rng.uniform(*GAIN) + 127.5 + 255 * rng.uniform(*BIAS)
    return np.rint(np.clip(lit, 0, 255)).astype(np.uint8)


class Steps(Sampler[list[tuple[int, int]]]):
    """The names of this process's samples, batch by batch, from step `first` to step `last` - 1."""

    def __init__(self, first: int, last: int, batch: int, rank: int = 0, world: int = 1):
        self.first, self.last, self.batch, self.rank, self.world = first, last, batch, rank, world

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in range(self.first, self.last):
            yield [(step, slot) for slot in range(self.rank, self.batch, self.world)]

    def __len__(self) -> int:
        return self.last - self.first


def loader(pairs: Pairs, steps: Steps, workers: int) -> DataLoader[Batch]:
    """Batches in order of their steps."""
    return DataLoader(pairs, batch_sampler=steps, num_workers=workers, prefetch_factor=4 if workers else None)


def fixed_batch(faces: np.ndarray, recipe: Recipe, seed: int, count: int, grey_probability: float) -> Batch:
    """`count` faces spread over the set, unaugmented, degraded the same on every call: for sample sheets and validation."""
    pairs = Pairs(faces, recipe, seed, augment=False, grey_probability=grey_probability)
    count = min(count, len(faces))
    samples = [pairs[(0, slot)] for slot in np.linspace(0, len(faces) - 1, count, dtype=int).tolist()]
    return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}
