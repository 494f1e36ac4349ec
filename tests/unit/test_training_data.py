"""What training draws: fresh degradations, any number of workers, faces of several sets."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from clrface.align.chunk import NO_FACE
from clrface.align.index import read_index
from clrface.errors import UserError
from clrface.images import write_png
from clrface.manifest import Entry, read_manifest, write_manifest
from clrface.training.data import FaceFiles, Pairs, Steps, TrainingSet, faces_digest, load_faces, loader
from tests.unit.tiny_stages import DEGRADATION


def test_the_data_does_not_depend_on_the_workers(faces: np.ndarray, sources: Path) -> None:
    pairs = Pairs(faces, DEGRADATION, seed=3)
    alone = list(loader(pairs, Steps(2, 5, 4), workers=0))
    shared = list(loader(pairs, Steps(2, 5, 4), workers=2))
    for a, b in zip(alone, shared, strict=True):
        assert all(torch.equal(a[key], b[key]) for key in a)
    halves = [next(iter(loader(pairs, Steps(2, 3, 4, rank, 2), workers=0))) for rank in (0, 1)]
    assert torch.equal(torch.stack([halves[0]["lq"][0], halves[1]["lq"][0]]), alone[0]["lq"][:2])


def test_degradations_are_fresh_at_every_step(faces: np.ndarray) -> None:
    pairs = Pairs(faces[:1], DEGRADATION, seed=0)
    assert len({pairs[(step, 0)]["lq"].numpy().tobytes() for step in range(8)}) == 8


@pytest.fixture
def training_set(aligned_orl: Path, tmp_path: Path) -> TrainingSet:
    """The aligned faces as training faces: every third is val; the manifest also has one in which no face was found."""
    chunks = tmp_path / "training"
    shutil.copytree(aligned_orl, chunks / "000")
    with (chunks / "000" / "index.csv").open("a") as index:
        index.write(f"s99_1,{NO_FACE}" + "," * 8 + "\n")
    ids = [row["image_id"] for row in read_index(chunks / "000")]
    splits = ["val" if place % 3 == 0 else "train" for place in range(len(ids))]
    write_manifest(
        tmp_path / "m.csv", [Entry(image_id, f"{image_id}.pgm", "", split, "0" * 64) for image_id, split in zip(ids, splits, strict=True)]
    )
    return TrainingSet(chunks, tmp_path / "m.csv")


def test_training_faces_of_several_sets_follow_one_another(training_set: TrainingSet) -> None:
    one, two = load_faces([training_set], "train"), load_faces([training_set, training_set], "train")
    assert len(one) == 8 and len(load_faces([training_set], "val")) == 4, "s99_1 holds no face: nobody misses it"
    assert np.array_equal(two[:8], one[:]) and np.array_equal(two[8:], one[:])
    removed = training_set.paths("train")[2]
    removed.unlink()
    with pytest.raises(UserError, match=f"Found 7 of 8 training faces .* first missing one is {removed.stem}"):
        load_faces([training_set], "train")


def test_a_split_without_faces_names_itself_and_the_sets(training_set: TrainingSet) -> None:
    entries = [replace(entry, split="train") for entry in read_manifest(training_set.manifest)]
    write_manifest(training_set.manifest, entries)
    with pytest.raises(UserError, match=rf"Found no face of the split 'val' in {training_set.manifest}, expected at least one"):
        load_faces([training_set, training_set], "val")
    assert len(load_faces([training_set], "train")) == 12


@pytest.mark.parametrize("memory_bytes", [2**30, 100])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 48)], ids=["smaller", "no square"])
def test_faces_of_several_sizes_are_refused(training_set: TrainingSet, height: int, width: int, memory_bytes: int) -> None:
    odd = training_set.paths("train")[3]
    write_png(odd, np.zeros((height, width, 3), np.uint8))
    with pytest.raises(UserError, match=rf"{odd.name} is {width}x{height} pixels, but .* is 64x64: .* Align"):
        load_faces([training_set], "train", memory_bytes)
    first = training_set.paths("train")[0]
    write_png(first, np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(UserError, match=rf"{first.name} is 48x64 pixels, expected a square"):
        load_faces([training_set], "train", memory_bytes)


def test_faces_that_would_fill_the_memory_are_read_when_drawn(training_set: TrainingSet) -> None:
    whole, files = load_faces([training_set], "train"), load_faces([training_set], "train", memory_bytes=100)
    assert isinstance(whole, np.ndarray) and isinstance(files, FaceFiles) and len(files) == len(whole)
    a, b = (Pairs(some, DEGRADATION, seed=1)[(0, 3)] for some in (whole, files))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert faces_digest(files) == faces_digest(FaceFiles(files.paths)) != faces_digest(FaceFiles(files.paths[::-1]))
