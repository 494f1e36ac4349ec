"""Sample sheets: rows of faces, one column a method, so that the eye can check what the numbers
say.

Which faces are shown is fixed beforehand by `spread`: evenly spaced over the set, never picked by
score.
"""

import csv
import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageFont

from clrface.api import OK
from clrface.errors import UserError
from clrface.images import read_rgb
from clrface.report.figure import ACCENT, EMPTY, INK, QUIET, save

SMALLEST_CELL, LARGEST_CELL = 128, 256
GAP, MARGIN, LINE = 6, 16, 17
DPI = 128
"""A sheet is laid out in pixels, so many an inch.

Sizes in inches are then exact, and each cell lies on whole pixels.
"""
TITLE, LABEL, NOTE, REASON = 16, 13, 12, 11
"""Letters' sizes in pixels."""
STATUS_FILES = ("status.csv", "index.csv")

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
    A folder holds `<chunk>/<image_id>.png` and, for failures, `<chunk>/status.csv` (or `index.csv`,
    as aligning writes it).
    """
    chunks: Collection[str] | None = None
    """The set's chunks; a run on more images may have left others.

    None takes all that are there.
    """
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(label, image_id) to what stands under that cell."""
    framed: Collection[tuple[str, str]] = ()
    """(label, image_id) of the cells that a frame points out."""


@dataclass(frozen=True)
class _Panel:
    """A test set, laid out. All lengths are pixels, from the panel's left upper corner."""

    set: SampleSet
    cells: Mapping[str, Sequence[np.ndarray | str]]
    labels: Mapping[str, str]
    """Label to itself in lines."""
    cell: tuple[int, int]
    """(width, height)."""
    left: int
    top: int
    width: int
    height: int

    def place(self, i: int, j: int) -> tuple[int, int]:
        """(x, y) of the cell in row i, column j."""
        return self.left + j * (self.cell[0] + GAP), self.top + i * (self.cell[1] + GAP + _note_height(self.set))


def spread(image_ids: Sequence[str], count: int = 6) -> list[str]:
    """At most `count` ids, evenly spaced over the list: the middle of each of `count` equal
    stretches.

    >>> spread(["a", "b", "c", "d", "e", "f"], 3)
    ['b', 'd', 'f']
    """
    count = min(count, len(image_ids))
    return [image_ids[(2 * i + 1) * len(image_ids) // (2 * count)] for i in range(count)]


def sample_sheet(sets: Sequence[SampleSet], target: Path, box: Box = WHOLE) -> None:
    """Draw the panels of `sets` one under another and write the sheet to `target` (PNG, and PDF
    beside it).

    A cell shows an image's own pixels, each enlarged to a square block (128 px cells for 64 px
    faces), or averaged down where it is larger than 256 px. `box` (left, top, right, bottom, in
    units of the image's side) shows that part
    alone, enlarged: `(0.2, 0.2, 0.8, 0.45)` zooms into the eyes. A failed image is an empty cell
    with its reason.

    Raises: UserError for an image that is neither there nor reported as failed, and for images of
    several sizes.
    """
    panels = [_lay_out(one, box) for one in sets]
    width, height = max(panel.width for panel in panels), sum(panel.height for panel in panels)
    sheet = Figure(figsize=(width / DPI, height / DPI))
    axes = sheet.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    top = 0
    for panel in panels:
        _draw(axes, panel, top, box)
        top += panel.height
    save(sheet, target, DPI)


def zoom(rgb: np.ndarray, box: Box = WHOLE) -> Image.Image:
    """Return the part of (H, W, 3) uint8 RGB inside `box`, scaled to a readable size by a whole
    factor: nearest up, mean down.

    Args:
        box: left, top, right, bottom, in shares of the image.

    Raises: UserError for a box that holds no pixel.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise UserError(f"The box {box} holds no pixel of a {width}x{height} image; expected left < right and top < bottom, all in [0, 1].")
    part = Image.fromarray(np.ascontiguousarray(rgb[top:bottom, left:right]))
    if part.width > LARGEST_CELL:
        return part.reduce(math.ceil(part.width / LARGEST_CELL))
    factor = math.ceil(SMALLEST_CELL / part.width)
    return part.resize((part.width * factor, part.height * factor), Image.Resampling.NEAREST)


def _lay_out(one: SampleSet, box: Box) -> _Panel:
    cells = {label: _column(folder, one.image_ids, one.chunks) for label, folder in one.columns.items()}
    cell = zoom(np.zeros((*_image_size(cells, one.title), 3), np.uint8), box).size
    labels = {label: _wrapped(label, cell[0], LABEL) for label in cells}
    left = MARGIN + GAP + round(max(_font(NOTE).getlength(image_id) for image_id in one.image_ids))
    top = MARGIN + 26 + LINE * max(text.count("\n") + 1 for text in labels.values()) + GAP
    right = left + len(cells) * (cell[0] + GAP) - GAP
    title = MARGIN + round(_font(TITLE, bold=True).getlength(one.title))
    height = top + len(one.image_ids) * (cell[1] + GAP + _note_height(one)) - GAP
    return _Panel(one, cells, labels, cell, left, top, max(right, title) + MARGIN, height + MARGIN)


def _note_height(one: SampleSet) -> int:
    return LINE + 3 if one.notes else 0


def _draw(axes: Axes, panel: _Panel, offset: int, box: Box) -> None:
    """Draw a panel `offset` pixels below the sheet's upper edge."""
    one, (width, height) = panel.set, panel.cell
    _write(axes, (MARGIN, offset + MARGIN), one.title, TITLE, va="top", weight="bold")
    for i, image_id in enumerate(one.image_ids):
        y = panel.place(i, 0)[1] + offset
        _write(axes, (panel.left - GAP, y + height / 2), image_id, NOTE, QUIET, ha="right", va="center")
    for j, (label, column) in enumerate(panel.cells.items()):
        middle = panel.place(0, j)[0] + width / 2
        _write(axes, (middle, offset + panel.top - GAP), panel.labels[label], LABEL, ha="center", va="bottom")
        for i, (image_id, cell) in enumerate(zip(one.image_ids, column, strict=True)):
            x, y = panel.place(i, j)[0], panel.place(i, j)[1] + offset
            if isinstance(cell, str):
                axes.add_patch(Rectangle((x, y), width, height, color=EMPTY, linewidth=0))
                text = _wrapped(cell, width - 2 * GAP, REASON)
                _write(axes, (middle, y + height / 2), text, REASON, QUIET, ha="center", va="center")
            else:
                axes.imshow(np.asarray(zoom(cell, box)), extent=(x, x + width, y + height, y), interpolation="none", aspect="auto")
            _write(axes, (middle, y + height + GAP), one.notes.get((label, image_id), ""), NOTE, ha="center", va="top")
            if (label, image_id) in one.framed:
                axes.add_patch(Rectangle((x - 3, y - 3), width + 6, height + 6, fill=False, edgecolor=ACCENT, linewidth=1.7))


def _write(axes: Axes, place: tuple[float, float], text: str, size_px: int, colour: str = INK, **how: Any) -> None:
    axes.text(*place, text, size=size_px * 72 / DPI, color=colour, family="DejaVu Sans", parse_math=False, **how)


def find_cells(folder: Path, image_ids: Sequence[str], chunks: Collection[str] | None) -> list[Path | str]:
    """For each id the path of its image, or the reason why there is none.

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
    """For each id its image, (H, W, 3) uint8, or the reason why there is none."""
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


def _wrapped(text: str, width: int, size: int) -> str:
    """`text` in lines of about `width` pixels; a word that is too long is broken."""
    return textwrap.fill(text, max(1, int(width / _font(size).getlength("0")))) or " "


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: the same letters on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
