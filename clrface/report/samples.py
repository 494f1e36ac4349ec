"""Sample sheets: rows of faces, one column a method, so that the eye can check what the numbers say.

Which faces are shown is fixed beforehand by `spread`: evenly spaced over the set, never picked by score.
"""

import csv
import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clrface.api import OK
from clrface.errors import UserError
from clrface.files import atomic_path
from clrface.images import read_rgb

SMALLEST_CELL, LARGEST_CELL = 128, 256
GAP, MARGIN = 6, 16
STATUS_FILES = ("status.csv", "index.csv")
INK, QUIET, PAPER, EMPTY = "#1a1a1a", "#6b6b6b", "#ffffff", "#efefef"

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class SampleSet:
    """The faces of one test set: a panel of the sheet."""

    title: str
    image_ids: Sequence[str]
    """The rows; see `spread`."""
    columns: Mapping[str, Path]
    """Label to folder, left to right: the input, each method, the ground truth where there is one.
    A folder holds `<chunk>/<image_id>.png` and, for failures, `<chunk>/status.csv` (or `index.csv`, as aligning writes it)."""
    chunks: Collection[str] | None = None
    """The set's chunks; a run on more images may have left others. None takes all that are there."""


def spread(image_ids: Sequence[str], count: int = 6) -> list[str]:
    """At most `count` ids, evenly spaced over the list: the middle of each of `count` equal stretches.

    >>> spread(["a", "b", "c", "d", "e", "f"], 3)
    ['b', 'd', 'f']
    """
    count = min(count, len(image_ids))
    return [image_ids[(2 * i + 1) * len(image_ids) // (2 * count)] for i in range(count)]


def sample_sheet(sets: Sequence[SampleSet], target: Path, box: Box = WHOLE) -> None:
    """Draw the panels of `sets` one under another and write the sheet to `target` (PNG).

    A cell shows an image's own pixels, each enlarged to a square block (128 px cells for 64 px faces), or averaged
    down where it is larger than 256 px. `box` (left, top, right, bottom, in units of the image's side) shows that part
    alone, enlarged: `(0.2, 0.2, 0.8, 0.45)` zooms into the eyes. A failed image is an empty cell with its reason.

    Raises: UserError for an image that is neither there nor reported as failed, and for images of several sizes.
    """
    panels = [_panel(one, box) for one in sets]
    sheet = Image.new("RGB", (max(panel.width for panel in panels), sum(panel.height for panel in panels)), PAPER)
    top = 0
    for panel in panels:
        sheet.paste(panel, (0, top))
        top += panel.height
    with atomic_path(target) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)


def zoom(rgb: np.ndarray, box: Box = WHOLE) -> Image.Image:
    """The part of (H, W, 3) uint8 RGB inside `box`, brought to a readable size by a whole factor: nearest up, mean down."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise UserError(f"The box {box} holds no pixel of a {width}x{height} image; expected left < right and top < bottom, all in [0, 1].")
    part = Image.fromarray(np.ascontiguousarray(rgb[top:bottom, left:right]))
    if part.width > LARGEST_CELL:
        return part.reduce(math.ceil(part.width / LARGEST_CELL))
    factor = math.ceil(SMALLEST_CELL / part.width)
    return part.resize((part.width * factor, part.height * factor), Image.Resampling.NEAREST)


def _panel(one: SampleSet, box: Box) -> Image.Image:
    cells = {label: _column(folder, one.image_ids, one.chunks) for label, folder in one.columns.items()}
    width, height = zoom(np.zeros((*_image_size(cells, one.title), 3), np.uint8), box).size
    left = MARGIN + GAP + round(max(_font(12).getlength(image_id) for image_id in one.image_ids))
    labels = {label: _wrapped(label, width, 13) for label in cells}
    top = MARGIN + 26 + 17 * max(text.count("\n") + 1 for text in labels.values()) + GAP
    grid = (len(cells) * (width + GAP) - GAP, len(one.image_ids) * (height + GAP) - GAP)
    title_width = round(_font(16, bold=True).getlength(one.title))
    panel = Image.new("RGB", (max(left + grid[0], MARGIN + title_width) + MARGIN, top + grid[1] + MARGIN), PAPER)
    draw = ImageDraw.Draw(panel)
    draw.text((MARGIN, MARGIN), one.title, font=_font(16, bold=True), fill=INK)
    for i, image_id in enumerate(one.image_ids):
        draw.text((left - GAP, top + i * (height + GAP) + height // 2), image_id, font=_font(12), fill=QUIET, anchor="rm")
    for j, (label, column) in enumerate(cells.items()):
        x = left + j * (width + GAP)
        # Multi-line text has no bottom anchor: place it so that its last line stands on the images.
        lines = labels[label].count("\n") + 1
        draw.multiline_text(
            (x + width // 2, top - GAP - 17 * lines), labels[label], font=_font(13), fill=INK, anchor="ma", align="center", spacing=2
        )
        for i, cell in enumerate(column):
            y = top + i * (height + GAP)
            if isinstance(cell, str):
                _draw_failure(draw, (x, y, x + width - 1, y + height - 1), cell)
            else:
                panel.paste(zoom(cell, box), (x, y))
    return panel


def find_cells(folder: Path, image_ids: Sequence[str], chunks: Collection[str] | None) -> list[Path | str]:
    """For each id the path of its picture, or the reason why there is none.

    Raises: UserError for an image that is neither there nor reported as failed.
    """
    folders = [part for part in sorted(folder.glob("*")) if chunks is None or part.name in chunks]
    images = {path.stem: path for part in folders for path in part.glob("*.png")}
    known = _reasons(folders) | images
    for image_id in image_ids:
        if image_id not in known:
            raise UserError(f"No image '{image_id}' under {folder}, nor a reason why it failed. Run the step that makes that folder again.")
    return [known[image_id] for image_id in image_ids]


def _column(folder: Path, image_ids: Sequence[str], chunks: Collection[str] | None) -> list[np.ndarray | str]:
    """For each id its picture, (H, W, 3) uint8, or the reason why there is none."""
    return [cell if isinstance(cell, str) else read_rgb(cell) for cell in find_cells(folder, image_ids, chunks)]


def _reasons(folders: Sequence[Path]) -> dict[str, str]:
    """image_id to reason, of the failed images."""
    rows = []
    for path in (part / name for part in folders for name in STATUS_FILES if (part / name).is_file()):
        with path.open(newline="", encoding="utf-8") as handle:
            rows += list(csv.DictReader(handle))
    return {row["image_id"]: row["status"] for row in rows if row["status"] != OK}


def _image_size(cells: Mapping[str, Sequence[np.ndarray | str]], title: str) -> tuple[int, int]:
    """(height, width) that all images share."""
    sizes: dict[tuple[int, int], str] = {}
    for label, column in cells.items():
        for cell in column:
            if not isinstance(cell, str):
                sizes.setdefault((cell.shape[0], cell.shape[1]), label)
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height} ('{label}')" for (height, width), label in sizes.items())
        raise UserError(f"The images of '{title}' have several sizes: found {found}; expected one. Bring them to one size first.")
    return next(iter(sizes), (SMALLEST_CELL, SMALLEST_CELL))


def _draw_failure(draw: ImageDraw.ImageDraw, frame: tuple[int, int, int, int], reason: str) -> None:
    draw.rectangle(frame, fill=EMPTY)
    middle = ((frame[0] + frame[2]) // 2, (frame[1] + frame[3]) // 2)
    text = _wrapped(reason, frame[2] - frame[0] - 2 * GAP, 11)
    draw.multiline_text(middle, text, font=_font(11), fill=QUIET, anchor="mm", align="center")


def _wrapped(text: str, width: int, size: int) -> str:
    """`text` in lines of about `width` pixels; a word that is too long is broken."""
    return textwrap.fill(text, max(1, int(width / _font(size).getlength("0")))) or " "


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: the same letters on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
