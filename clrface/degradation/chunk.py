"""Degrade the images of one chunk, and record what was drawn for each."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from clrface.align.raw import read_raw, to_size
from clrface.degradation.apply import apply, is_grey
from clrface.degradation.draw import Degradation, Draws, draw
from clrface.errors import UserError
from clrface.files import write_text
from clrface.images import check_square, read_rgb, write_png
from clrface.manifest import FETCHED as MANIFEST
from clrface.manifest import Entry, match_ids, read_manifest
from clrface.seeds import generator

DRAWS = "draws.csv"


def degrade_chunk(
    ids: list[str], aligned: Path, out: Path, degradation: Degradation, dataset: str, base_seed: int, raw: Path = Path("data/raw")
) -> None:
    """Write `<image_id>.png` for each id in `aligned`, and draws.csv; the same bytes on every run.

    Args:
        raw: the sources' folders, for a degradation of finished images (`given`).
    """
    given = given_images(degradation, raw) if degradation.kind == "given" else {}
    rows: list[tuple[str, Draws]] = []
    for image_id in tqdm(ids, desc=f"degrade {dataset} {degradation.name}", unit="image"):
        path = aligned / f"{image_id}.png"
        rgb = read_rgb(path)
        if given:
            degraded, drawn = _take(given, image_id, degradation, raw, rgb.shape[0])
        else:
            rng = generator(base_seed, "degrade", dataset, degradation.name, image_id)
            degraded, drawn = degrade_image(rgb, degradation, rng, path)
        write_png(out / f"{image_id}.png", degraded)
        rows.append((image_id, drawn))
    write_draws(out, rows)


def degrade_image(
    rgb: np.ndarray, degradation: Degradation, rng: np.random.Generator, name: object = "The image"
) -> tuple[np.ndarray, Draws]:
    """Degrade (S, S, 3) uint8 RGB; return the image at the same size, and what was drawn.

    Args:
        name: the image's, for the message.

    Raises: UserError for an image that isn't square, and a degradation of finished images.
    """
    check_square(rgb, name, "Crop it, or align it: degradations are defined for aligned faces.")
    drawn = draw(degradation, rgb.shape[0], is_grey(rgb), rng)
    return apply(rgb, drawn), drawn


def write_draws(out: Path, rows: Sequence[tuple[str, Draws]]) -> None:
    """Write draws.csv: a row for each image."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["image_id", *(field.name for field in fields(Draws))], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"image_id": image_id, **asdict(drawn)} for image_id, drawn in rows)
    write_text(out / DRAWS, text.getvalue())


def given_images(degradation: Degradation, raw: Path) -> dict[str, Entry]:
    """Return the finished low-quality images by image_id, which must be exactly the test set's.

    Raises: UserError naming those that differ.
    """
    images = {entry.image_id: entry for entry in read_manifest(raw / degradation.source / MANIFEST)}
    truth = [entry.image_id for entry in read_manifest(raw / degradation.dataset / MANIFEST)]
    match_ids(images, truth, f"'{degradation.source}', the low-quality versions of '{degradation.dataset}'")
    return images


def _take(given: dict[str, Entry], image_id: str, degradation: Degradation, raw: Path, size: int) -> tuple[np.ndarray, Draws]:
    """Return a finished image, resized to `size` if needed, and the record of its original side."""
    if image_id not in given:
        raise UserError(
            f"Degradation '{degradation.name}' has no image '{image_id}': it is for '{degradation.dataset}' alone. Choose another one."
        )
    rgb = read_raw(given[image_id], raw / degradation.source)
    return to_size(rgb, size, raw / degradation.source / given[image_id].file), Draws(degradation.name, side_px=rgb.shape[0])
