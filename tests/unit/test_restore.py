"""Restoring a chunk: what becomes of each image, whatever a method does, and of a folder of finished images."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clrface.api import Restorer
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import read_rgb, to_bytes, to_unit, write_png
from clrface.noise import normal
from clrface.registry import make_method
from clrface.restoration.chunk import RETURNED_INPUT, Chunk, copy_finished, restore_chunk
from clrface.seeds import derive_seed

NO_FACE = "s40_1"


class Method:
    """Under the contract, without weights; a subclass says what it does to a batch."""

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        """Nothing to load."""

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return lq


class Darker(Method):
    """Halves the brightness; remembers the batches and the seeds that it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.seeds: list[int] = []

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        self.batches.append(len(lq))
        self.seeds += seeds
        return lq / 2


class Noisy(Method):
    """Adds each image's own noise."""

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return lq + 0.1 * normal(seeds, tuple(lq.shape[1:]), "restore")


class Truth(Method):
    """Answers with the ground truth."""

    def restore(self, lq: torch.Tensor, seeds: list[int], truth: torch.Tensor) -> torch.Tensor:
        return truth


class Breaks(Darker):
    """Goes wrong in one way for the image that has a white corner."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        hq = super().restore(lq, seeds)
        marked = lq[:, :, 0, 0].amin(1) == 1
        if self.how == "input":
            return torch.where(marked[:, None, None, None], lq, hq)
        if self.how == "nan":
            return hq.masked_fill(marked[:, None, None, None], torch.nan)
        if marked.any():
            if self.how == "shape":
                return hq[..., ::2]
            if self.how == "user":
                raise UserError("Found no licence. Put it into models/mine.")
            raise RuntimeError("out of memory\non the second line")
        return hq


@pytest.fixture
def chunk(aligned_orl: Path, orl_faces: dict[str, np.ndarray], tmp_path: Path) -> Chunk:
    """Seven faces, darkened by a quarter as a stand-in for degrading; one has a white corner, and one was not aligned."""
    ids = [*list(orl_faces)[:6], NO_FACE]
    aligned, degraded = tmp_path / "aligned" / "000", tmp_path / "degraded"
    for image_id in ids[:6]:
        write_png(aligned / f"{image_id}.png", orl_faces[image_id])
        rgb = np.rint(orl_faces[image_id] * 0.75).astype(np.uint8)
        rgb[0, 0] = 255 if image_id == ids[2] else 0
        write_png(degraded / f"{image_id}.png", rgb)
    write_index(aligned, ids)
    return Chunk("orl", ids, aligned, degraded, tmp_path / "out")


def write_index(folder: Path, ids: list[str]) -> None:
    lines = [f"{image_id},{'no face found' if image_id == NO_FACE else 'ok'}" for image_id in ids]
    (folder / "index.csv").write_text("\n".join(["image_id,status", *lines]) + "\n")


def status(chunk: Chunk) -> list[tuple[str, str]]:
    with (chunk.out / "status.csv").open(newline="") as lines:
        return [(row["image_id"], row["status"]) for row in csv.DictReader(lines)]


def written(chunk: Chunk) -> set[str]:
    return {path.stem for path in chunk.out.glob("*.png")}


# ---- restore_chunk


def test_every_image_is_written_and_told_in_the_order_of_the_chunk(chunk: Chunk) -> None:
    method = Darker()
    assert isinstance(method, Restorer)
    backwards = replace(chunk, ids=chunk.ids[::-1])
    restore_chunk(method, backwards, batch=4, base_seed=0, seed=0)
    assert status(chunk) == [(image_id, "no face found" if image_id == NO_FACE else "ok") for image_id in backwards.ids]
    assert written(chunk) == set(chunk.ids) - {NO_FACE}
    assert method.batches == [4, 2]
    for image_id in written(chunk):
        expected = to_bytes(to_unit(read_rgb(chunk.degraded / f"{image_id}.png")) / 2)
        assert np.array_equal(read_rgb(chunk.out / f"{image_id}.png"), expected)


def test_the_line_that_failed_is_in_the_log(chunk: Chunk, capsys: pytest.CaptureFixture[str]) -> None:
    restore_chunk(Breaks("raise"), chunk, batch=4, base_seed=0, seed=0)
    told = capsys.readouterr().err
    assert f"{chunk.ids[2]}: RuntimeError: out of memory\n" in told and 'raise RuntimeError("out of memory' in told
    assert told.count("Traceback") == 1, "the batch that failed first is tried again, image by image"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("error", "RuntimeError: out of memory"),
        ("nan", "the method returned values that are not finite"),
        ("shape", "ValueError: the method returned the shape (1, 3, 64, 32), expected (1, 3, 64, 64)"),
        ("input", RETURNED_INPUT),
    ],
)
def test_one_image_s_failure_is_its_own(how: str, reason: str, chunk: Chunk) -> None:
    bad = chunk.ids[2]
    write_png(chunk.out / f"{bad}.png", read_rgb(chunk.aligned / f"{bad}.png"))  # of an earlier run, in which it did not fail
    restore_chunk(Breaks(how), chunk, batch=16, base_seed=0, seed=0)
    assert dict(status(chunk)) == dict.fromkeys(chunk.ids, "ok") | {bad: reason, NO_FACE: "no face found"}
    assert written(chunk) == set(chunk.ids) - {bad, NO_FACE}


def test_what_the_user_must_put_right_stops_the_run(chunk: Chunk) -> None:
    with pytest.raises(UserError, match="Found no licence"):
        restore_chunk(Breaks("user"), chunk, batch=16, base_seed=0, seed=0)
    assert not (chunk.out / "status.csv").exists()


def test_a_control_may_return_its_input_and_another_the_truth(chunk: Chunk) -> None:
    restore_chunk(Method(), chunk, batch=4, base_seed=0, seed=0)
    assert written(chunk) == set() and [reason for _, reason in status(chunk)].count(RETURNED_INPUT) == 6
    for method, source in ((Method(), chunk.degraded), (Truth(), chunk.aligned)):
        restore_chunk(method, chunk, batch=4, base_seed=0, seed=0, sees_truth=isinstance(method, Truth), control=True)
        assert len(written(chunk)) == 6
        for image_id in written(chunk):
            assert np.array_equal(read_rgb(chunk.out / f"{image_id}.png"), read_rgb(source / f"{image_id}.png"))


def test_an_image_s_seed_and_result_depend_on_neither_chunk_nor_batch(chunk: Chunk, tmp_path: Path) -> None:
    restore_chunk(Noisy(), chunk, batch=16, base_seed=7, seed=1)
    alone = replace(chunk, ids=[chunk.ids[4]], out=tmp_path / "alone")
    restore_chunk(Noisy(), alone, batch=1, base_seed=7, seed=1)
    name = f"{chunk.ids[4]}.png"
    assert (alone.out / name).read_bytes() == (chunk.out / name).read_bytes()
    for base_seed, seed in ((7, 2), (8, 1)):
        restore_chunk(Noisy(), alone, batch=1, base_seed=base_seed, seed=seed)
        assert (alone.out / name).read_bytes() != (chunk.out / name).read_bytes()
    method = Darker()
    restore_chunk(method, chunk, batch=4, base_seed=7, seed=1)
    assert method.seeds == [derive_seed(7, "restore 1", "orl", image_id) for image_id in chunk.ids[:6]]


def test_images_of_several_sizes_are_restored_one_by_one(chunk: Chunk, orl_faces: dict[str, np.ndarray]) -> None:
    write_png(chunk.degraded / f"{chunk.ids[0]}.png", orl_faces[chunk.ids[0]][:32, :32])
    restore_chunk(Darker(), chunk, batch=16, base_seed=0, seed=0)
    assert len(written(chunk)) == 6
    assert read_rgb(chunk.out / f"{chunk.ids[0]}.png").shape == (32, 32, 3)


def test_a_truncated_input_stops_the_run(chunk: Chunk) -> None:
    broken = chunk.degraded / f"{chunk.ids[1]}.png"
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(UserError, match=f"{broken.name}.*truncated"):
        restore_chunk(Darker(), chunk, batch=16, base_seed=0, seed=0)


def test_clrface_gives_the_same_bits_whatever_the_batch(orl_faces: dict[str, np.ndarray], sources: Path) -> None:
    method = make_method("clrface", {"steps": 2})
    method.load(ROOT / "models" / "clrface", "cpu", sources)
    lq = torch.from_numpy(to_unit(np.stack(list(orl_faces.values())[:6])))  # channels last in memory, as the restoring step has it
    whole = method.restore(lq, list(range(6)))
    for batch in (3, 5):
        parts = [method.restore(lq[start : start + batch], list(range(6))[start : start + batch]) for start in range(0, 6, batch)]
        assert torch.equal(torch.cat(parts), whole)


# ---- copy_finished


@pytest.fixture
def finished(chunk: Chunk, tmp_path: Path) -> Path:
    """A user's folder: one image for each that could be aligned, a little brighter than the degraded one."""
    for path in chunk.degraded.glob("*.png"):
        write_png(tmp_path / "finished" / path.name, np.maximum(read_rgb(path), 20))
    return tmp_path / "finished"


def test_finished_images_are_taken_as_they_are(chunk: Chunk, finished: Path) -> None:
    copy_finished(finished, chunk, chunk.ids[:6])
    assert status(chunk) == [(image_id, "no face found" if image_id == NO_FACE else "ok") for image_id in chunk.ids]
    assert written(chunk) == set(chunk.ids[:6])
    for image_id in chunk.ids[:6]:
        assert np.array_equal(read_rgb(chunk.out / f"{image_id}.png"), read_rgb(finished / f"{image_id}.png"))


def test_unrestored_images_do_not_count_as_restored(chunk: Chunk, finished: Path) -> None:
    shutil.copy(chunk.degraded / f"{chunk.ids[0]}.png", finished)
    copy_finished(finished, chunk, chunk.ids[:6])
    assert dict(status(chunk))[chunk.ids[0]] == RETURNED_INPUT
    assert written(chunk) == set(chunk.ids[1:6])


def test_a_finished_folder_tells_what_it_skipped(chunk: Chunk, finished: Path) -> None:
    (finished / f"{chunk.ids[0]}.png").rename(finished / f"{chunk.ids[0]}.heif")
    with pytest.raises(UserError, match=rf"1 skipped: {chunk.ids[0]}.heif .*missing \(1\): {chunk.ids[0]}"):
        copy_finished(finished, chunk, chunk.ids[:6])


def test_finished_images_of_other_chunks_are_expected_but_left_alone(chunk: Chunk, finished: Path) -> None:
    part = replace(chunk, ids=chunk.ids[:2])
    copy_finished(finished, part, chunk.ids[:6])
    assert written(part) == set(part.ids)
    with pytest.raises(UserError, match=r"not expected \(4\)"):
        copy_finished(finished, part, part.ids)


def test_finished_jpegs_are_read(chunk: Chunk, finished: Path) -> None:
    image = finished / f"{chunk.ids[0]}.png"
    rgb = read_rgb(image)
    Image.fromarray(rgb).save(image.with_suffix(".jpg"), quality=95)
    image.unlink()
    copy_finished(finished, chunk, chunk.ids[:6])
    taken = read_rgb(chunk.out / image.name)
    assert np.array_equal(taken, read_rgb(image.with_suffix(".jpg")))
    assert np.abs(taken.astype(int) - rgb).mean() < 5


def test_a_finished_folder_lacks_one_and_has_one_too_many(chunk: Chunk, finished: Path) -> None:
    gone = chunk.ids[3]
    (finished / f"{gone}.png").rename(finished / "surplus.png")
    with pytest.raises(UserError, match=rf"missing \(1\): {gone}; not expected \(1\): surplus"):
        copy_finished(finished, chunk, chunk.ids[:6])
    assert not chunk.out.exists()


def test_a_finished_image_of_another_size_or_twice_or_truncated_is_named(chunk: Chunk, finished: Path) -> None:
    image = finished / f"{chunk.ids[0]}.png"
    good = image.read_bytes()
    write_png(image, np.zeros((128, 96, 3), np.uint8))
    with pytest.raises(UserError, match=rf"{image.name} is 96x128 pixels, expected 64x64"):
        copy_finished(finished, chunk, chunk.ids[:6])
    image.write_bytes(good[: len(good) // 2])
    with pytest.raises(UserError, match=rf"{image.name}.*truncated"):
        copy_finished(finished, chunk, chunk.ids[:6])
    image.write_bytes(good)
    image.with_suffix(".jpg").write_bytes(good)
    with pytest.raises(UserError, match=f"two images named '{image.stem}'"):
        copy_finished(finished, chunk, chunk.ids[:6])
    with pytest.raises(UserError, match="No folder at"):
        copy_finished(finished / "nowhere", chunk, chunk.ids[:6])
