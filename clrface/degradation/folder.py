"""Degrade a user's folder of aligned faces, without a workflow."""

from pathlib import Path

from tqdm import tqdm

from clrface.degradation.chunk import degrade_image, write_draws
from clrface.degradation.draw import Degradation, Draws
from clrface.errors import UserError
from clrface.images import read_rgb, write_png
from clrface.listing import list_images, tell_skipped
from clrface.seeds import generator


def degrade_folder(folder: Path, out: Path, degradation: Degradation, seed: int) -> None:
    """Write `<name>.png` for each image in `folder`, and draws.csv, into `out`; the same bytes on
    every run.

    Raises: UserError for an image that can't be read or isn't square, a degradation of finished
    images, and an `out` that is `folder`.
    """
    if out.resolve() == folder.resolve():
        raise UserError(f"{out} is the folder of the images themselves. Give another one for the degraded ones.")
    listing = list_images(folder)
    tell_skipped(folder, listing.told())
    rows: list[tuple[str, Draws]] = []
    for image_id, path in tqdm(listing.images.items(), desc=f"degrade {degradation.name}", unit="image"):
        degraded, drawn = degrade_image(read_rgb(path), degradation, generator(seed, "degrade", "", degradation.name, image_id), path)
        write_png(out / f"{image_id}.png", degraded)
        rows.append((image_id, drawn))
    write_draws(out, rows)
