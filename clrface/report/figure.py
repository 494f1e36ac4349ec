"""What all figures share: colours, fonts, and how a figure is written.

Equal figures give equal bytes.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure

from clrface.files import atomic_path

matplotlib.use("Agg")

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d1f", "#5e4fa2", "#999999")
"""Distinguishable for colour-blind readers; all but the last three are Okabe and Ito's (Color
Universal Design, 2008).
"""
OURS, ACCENT = "CLR-Face", "#d55e00"
"""The label of CLR-Face's row, and Okabe and Ito's vermilion, which no rival has."""
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (1, 3)))
MARKERS = "osD^vPX<>"
INK, QUIET, LIGHT, EMPTY = "#1a1a1a", "#6b6b6b", "#c8c8c8", "#efefef"
DPI = 160
"""Default resolution of the PNG. The PDF has vector lines and text, and images of faces at their
own pixels.
"""
SETTINGS: Any = {
    "pdf.fonttype": 42,  # letters as TrueType, which journals ask for
    "image.composite_image": False,  # each image by itself, not one raster of all
}


class Look(NamedTuple):
    """How a row's line is drawn."""

    colour: str
    dash: Any
    marker: str


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """Return a look for each label, all different up to 40 labels: CLR-Face has its own; repeated
    colours change dashes.
    """
    places = count()
    return {label: Look(ACCENT, "-", "*") if label == OURS else _look(next(places)) for label in labels}


def _look(place: int) -> Look:
    lap, colour = divmod(place, len(COLOURS))
    return Look(COLOURS[colour], DASHES[lap % len(DASHES)], MARKERS[place % len(MARKERS)])


def save(figure: Figure, png: Path, dpi: int = DPI) -> None:
    """Write `figure` to `png` and, beside it, as PDF: each whole or not at all, without dates.

    Raises: ValueError for a path that doesn't end in .png; UserError as `atomic_path` does.
    """
    if png.suffix != ".png":
        raise ValueError(f"Expected a path that ends in .png (the PDF goes beside it), found {png}.")
    with matplotlib.rc_context(SETTINGS):
        for target, undated in ((png, {"Software": None}), (png.with_suffix(".pdf"), {"CreationDate": None})):
            with atomic_path(target) as part:
                figure.savefig(part, dpi=dpi, format=target.suffix.removeprefix("."), metadata=undated)
