"""Restore one chunk of degraded faces with one method, and record each image's status.

A failed image keeps its row with the reason and has no file. A method's input never stands for its
output.
"""

import csv
import io
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from clrface.align.index import read_index
from clrface.api import OK, Restorer, SeesTruth
from clrface.errors import UserError
from clrface.files import write_text
from clrface.images import read_rgb, to_bytes, to_unit, write_png
from clrface.listing import list_images
from clrface.manifest import match_ids
from clrface.seeds import derive_seed

STATUS = "status.csv"
RETURNED_INPUT = "the method returned its input"
Images = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Chunk:
    """The images of a job: their ids, their folders, and the folder of the restored ones."""

    dataset: str
    ids: list[str]
    aligned: Path
    degraded: Path
    out: Path


def restore_chunk(
    method: Restorer | SeesTruth, chunk: Chunk, batch: int, base_seed: int, seed: int, *, sees_truth: bool = False, control: bool = False
) -> None:
    """Restore every image of `chunk` and write `<image_id>.png` and status.csv.

    A method's other errors, a wrong shape, values that are not finite and a returned input are
    failures of the image. A batch that fails is repeated image by image.

    Args:
        method: loaded.
        batch: images restored at once.
        seed: one of the config's `seeds`; with the dataset and image_id it determines the image's
            own.
        sees_truth: give the method the aligned face too.
        control: allow an output that equals the input.

    Raises: UserError for an image that can't be read, any UserError of the method, and where all of
    several images fail for one and the same reason.
    """
    status = not_aligned(chunk)
    todo = [image_id for image_id in chunk.ids if image_id not in status]
    bar = tqdm(total=len(todo), desc=f"restore {chunk.dataset}", unit="image")
    for start in range(0, len(todo), batch):
        ids = todo[start : start + batch]
        images = {image_id: read_rgb(chunk.degraded / f"{image_id}.png") for image_id in ids}
        truths = {image_id: read_rgb(chunk.aligned / f"{image_id}.png") for image_id in ids} if sees_truth else {}
        seeds = {image_id: derive_seed(base_seed, f"restore {seed}", chunk.dataset, image_id) for image_id in ids}
        for image_id, result in _restore(method, images, seeds, truths).items():
            if isinstance(result, np.ndarray) and not control and np.array_equal(result, images[image_id]):
                result = RETURNED_INPUT
            target = chunk.out / f"{image_id}.png"
            if isinstance(result, np.ndarray):
                write_png(target, result)
            else:
                target.unlink(missing_ok=True)
            status[image_id] = OK if isinstance(result, np.ndarray) else result
        bar.update(len(ids))
    bar.close()
    reasons = {status[image_id] for image_id in todo}
    if len(todo) > 1 and len(reasons) == 1 and not reasons & {OK, RETURNED_INPUT}:
        raise UserError(
            f"Not one of {len(todo)} images could be restored, all for one reason: {reasons.pop()}. Put it right and run again."
        )
    write_status(chunk, status)


def copy_finished(folder: Path, chunk: Chunk, expected_ids: list[str]) -> None:
    """Copy a user's finished images, `<image_id>.<suffix>`, as a method's output.

    An image that equals its degraded input is a failure, as for any method.

    Args:
        expected_ids: the images that `folder` must hold, no more and no less: the whole test set,
            without images that could not be aligned.

    Raises: UserError naming missing, extra and truncated files, and one of another size than the
    test set's.
    """
    listing = list_images(folder)
    files = listing.images
    match_ids(files, expected_ids, f"{folder} ({listing.told()})" if listing.skipped else str(folder))
    status = not_aligned(chunk)
    for image_id in [image_id for image_id in chunk.ids if image_id not in status]:
        rgb, expected = read_rgb(files[image_id]), read_rgb(chunk.aligned / f"{image_id}.png").shape
        if rgb.shape != expected:
            raise UserError(
                f"{files[image_id]} is {rgb.shape[1]}x{rgb.shape[0]} pixels, expected {expected[1]}x{expected[0]} as the ground truth. "
                "Restore the images of data/degraded at their own size."
            )
        target = chunk.out / f"{image_id}.png"
        if np.array_equal(rgb, read_rgb(chunk.degraded / f"{image_id}.png")):
            target.unlink(missing_ok=True)
            status[image_id] = RETURNED_INPUT
            continue
        write_png(target, rgb)
        status[image_id] = OK
    write_status(chunk, status)


def _restore(method: Any, images: Images, seeds: Mapping[str, int], truths: Images) -> dict[str, np.ndarray | str]:
    """Return each image's restoration as (H, W, 3) uint8, or the reason of its failure.

    A batch that fails is repeated image by image.
    """
    try:
        return _checked(method, images, seeds, truths)
    except UserError:
        raise
    except Exception as error:  # any error of a third party's method is a result here: the image's row keeps it
        if len(images) == 1:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            where = traceback.format_exc(limit=-3)  # the innermost calls: the method's author looks for the line
            print(f"{next(iter(images))}: {reason}\n{where}", file=sys.stderr)
            return dict.fromkeys(images, reason)
    return {key: value for image_id, rgb in images.items() for key, value in _restore(method, {image_id: rgb}, seeds, truths).items()}


def _checked(method: Any, images: Images, seeds: Mapping[str, int], truths: Images) -> dict[str, np.ndarray | str]:
    lq = torch.from_numpy(to_unit(np.stack(list(images.values()))))
    truth = [torch.from_numpy(to_unit(np.stack([truths[image_id] for image_id in images])))] if truths else []
    hq = method.restore(lq, [seeds[image_id] for image_id in images], *truth)
    if hq.shape != lq.shape:
        raise ValueError(f"the method returned the shape {tuple(hq.shape)}, expected {tuple(lq.shape)}")
    results: dict[str, np.ndarray | str] = {}
    for image_id, image in zip(images, hq.detach().cpu().float().numpy(), strict=True):
        results[image_id] = to_bytes(image) if np.isfinite(image).all() else "the method returned values that are not finite"
    return results


def not_aligned(chunk: Chunk) -> dict[str, str]:
    """Return the images of this chunk that could not be aligned, by id, with the reasons."""
    return {row["image_id"]: row["status"] for row in read_index(chunk.aligned) if row["status"] != OK and row["image_id"] in chunk.ids}


def write_status(chunk: Chunk, status: Mapping[str, str]) -> None:
    """Write a chunk's status.csv: one row an image (image_id, status), in the chunk's order.

    Args:
        status: `ok` or the reason of the failure, for every id of the chunk.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image_id", "status"])
    writer.writerows([image_id, status[image_id]] for image_id in chunk.ids)
    write_text(chunk.out / STATUS, text.getvalue())
