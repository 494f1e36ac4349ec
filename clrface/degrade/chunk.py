"""Degrade the images of one chunk, and write what was drawn for each."""

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path

from tqdm import tqdm

from clrface.degrade.apply import apply, is_grey
from clrface.degrade.recipes import Draws, Recipe, draw
from clrface.files import write_text
from clrface.images import read_rgb, write_png
from clrface.seeds import generator

DRAWS = "draws.csv"


def degrade_chunk(ids: list[str], aligned: Path, out: Path, recipe: Recipe, dataset: str, base_seed: int) -> None:
    """Write `<image_id>.png` for each id in `aligned`, and draws.csv; the same bytes on every run."""
    rows = []
    for image_id in tqdm(ids, desc=f"degrade {dataset} {recipe.name}", unit="image"):
        rgb = read_rgb(aligned / f"{image_id}.png")
        drawn = draw(recipe, rgb.shape[0], is_grey(rgb), generator(base_seed, "degrade", dataset, recipe.name, image_id))
        write_png(out / f"{image_id}.png", apply(rgb, drawn))
        rows.append({"image_id": image_id, **asdict(drawn)})
    text = io.StringIO()
    writer = csv.DictWriter(text, ["image_id", *(field.name for field in fields(Draws))], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out / DRAWS, text.getvalue())
