"""Cache of the clean faces' latents for all of the prior's training, in safetensors shards.

E(x) is encoded once, of each face and of its mirror image. The rest of a pair can't be cached: a
face is newly degraded at every step, so z_y = E(y) and z_I = E(IRN(y)) change. Of a step's three
encodings this saves one.

A shard is whole or absent, so a stopped run resumes with the next. Processes share the shards. The
folder's name is a checksum of the autoencoder's weights, the faces and the forms in which they are
used; a change of these starts a new cache.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from clrface.degradation.apply import grey
from clrface.degradation.draw import Degradation
from clrface.files import atomic_path, sha256_file
from clrface.images import to_unit
from clrface.models.autoencoder import Autoencoder
from clrface.training.data import Faces

SHARD_FACES = 256
"""100 MB a shard at 512x512: 3 x 128 x 128 in half precision, twice."""
AT_ONCE = 4
NAME = "latents"

Look = tuple[bool, bool]
"""The form in which training uses a face: mirrored or not, grey or not."""


def looks(grey_probability: float, degradation: Degradation) -> list[Look]:
    """Return every look that training pairs of these settings can have, two or four.

    Args:
        grey_probability: in [0, 1], of a ground truth made grey.
    """
    may_be_grey = grey_probability > 0 or (degradation.grey_truth and degradation.grey_probability > 0)
    greys = [*([False] if grey_probability < 1 else []), *([True] if may_be_grey else [])]
    return [(flipped, is_grey) for is_grey in greys for flipped in (False, True)]


class LatentCache:
    """Cached latents, (C, h, w) each, of about zero mean and unit variance; half precision on disk,
    single in use.
    """

    def __init__(self, folder: Path, shown: Sequence[Look]):
        self.folder, self.shown = folder, list(shown)

    def read(self, face: int, flipped: bool, grey: bool) -> torch.Tensor:
        """Return E(x), (C, h, w) float32, of the face with index `face` in the training set.

        Raises: ValueError for a look that was not encoded.
        """
        with safe_open(shard(self.folder, face // SHARD_FACES), "pt") as file:
            return file.get_slice(NAME)[face % SHARD_FACES, self.shown.index((flipped, grey))].float()


def shard(folder: Path, index: int) -> Path:
    """Return the path of a shard; its tensor `latents` is (faces, looks, C, h, w) float16."""
    return folder / f"{index:05d}.safetensors"


def keep_latents(
    autoencoder: Autoencoder, weights: Path, faces: Faces, digest: str, shown: Sequence[Look], place: Path, rank: int = 0, world: int = 1
) -> LatentCache:
    """Encode the shards of this process that are missing, and return the cache. The caller waits
    for the other processes.

    Args:
        autoencoder: on its device, in evaluation mode.
        weights: the folder that it was read from.
        digest: the faces', by `faces_digest`.
        shown: the looks to encode, by `looks`.
        place: the folder of caches; those of other weights, faces or looks are removed.
        rank, world: this process's number, and how many there are.
    """
    sums = [sha256_file(path) for path in sorted(weights.glob("*.safetensors"))]
    key = hashlib.sha256(json.dumps([sums, digest, list(shown), SHARD_FACES]).encode()).hexdigest()[:16]
    folder = place / key
    if rank == 0:
        _remove_others(folder)
    mine = [index for index in range(rank, -(-len(faces) // SHARD_FACES), world) if not shard(folder, index).is_file()]
    for index in tqdm(mine, desc="latents, kept once", unit="shard", disable=not mine or rank > 0):
        _write_shard(autoencoder, faces, shown, folder, index)
    return LatentCache(folder, shown)


def _remove_others(folder: Path) -> None:
    for other in folder.parent.glob("*"):
        if other != folder:
            print(f"The latents in {other} are of another autoencoder or other faces: removed, and encoded again.", file=sys.stderr)
            shutil.rmtree(other)


@torch.no_grad()
def _write_shard(autoencoder: Autoencoder, faces: Faces, shown: Sequence[Look], folder: Path, index: int) -> None:
    first = index * SHARD_FACES
    encoded = []
    for start in range(first, min(first + SHARD_FACES, len(faces)), AT_ONCE):
        group = [faces[place] for place in range(start, min(start + AT_ONCE, first + SHARD_FACES, len(faces)))]
        by_look = []
        for flipped, is_grey in shown:
            images = [face[:, ::-1] if flipped else face for face in group]
            images = [grey(image) if is_grey else image for image in images]
            x = torch.stack([torch.from_numpy(to_unit(image)) for image in images])
            by_look.append(autoencoder.encode(x.to(autoencoder.latent_mean.device)).half().cpu())
        encoded.append(torch.stack(by_look, 1))
    with atomic_path(shard(folder, index)) as part:
        save_file({NAME: torch.cat(encoded)}, part)
