"""Operating curves of recognition: true accepts against false accepts, a panel a degraded set."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np

from clrface.files import atomic_path
from clrface.metrics.recognition import Curve, equal_error_rate

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLOURS = ("#1b6ca8", "#c05a1a", "#2f8f5b", "#8a4fa3", "#b8860b", "#5a7d2a", "#c2528b", "#a3262a")
CONTROLS = (("#1a1a1a", ":"), ("#1a1a1a", "--"), ("#6b6b6b", "-."))
MARKED_FAR = (1e-3, 1e-2)


class Line(NamedTuple):
    """A row of the table: its label, whether it is a control, and its curve."""

    label: str
    control: bool
    curve: Curve


class Panel(NamedTuple):
    """A degraded set and its rows."""

    title: str
    lines: Sequence[Line]


def roc_figure(panels: Sequence[Panel], targets: Sequence[Path]) -> None:
    """Draw the panels side by side and write the picture to each of `targets`, in the format of its suffix.

    FAR is logarithmic, from a tenth of the smallest FAR that the table reads off; what lies left of one false accept is not drawn. Controls
    are black and broken. A row without any pair is named in the legend as not measured.
    """
    picture, axes = plt.subplots(1, len(panels), figsize=(6.6 * len(panels), 5.2), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        _draw(axis, panel)
    picture.tight_layout()
    for target in targets:
        with atomic_path(target) as part:
            undated = {"CreationDate": None} if target.suffix == ".pdf" else {}
            picture.savefig(part, dpi=130, format=target.suffix.removeprefix("."), metadata=undated)
    plt.close(picture)


def _draw(axis: Axes, panel: Panel) -> None:
    controls, colours = iter(CONTROLS * len(panel.lines)), iter(COLOURS * len(panel.lines))
    for line in panel.lines:
        colour, dash = next(controls) if line.control else (next(colours), "-")
        eer = equal_error_rate(line.curve)
        label = f"{line.label} (not measured)" if np.isnan(eer) else f"{line.label}, EER {100 * eer:.1f} %"
        drawn = line.curve.far > 0
        axis.step(line.curve.far[drawn], line.curve.tar[drawn], where="post", color=colour, linestyle=dash, linewidth=1.4, label=label)
    for far in MARKED_FAR:
        axis.axvline(far, color="#c8c8c8", linewidth=0.8, zorder=0)
    grid = np.geomspace(1e-4, 1, 100)
    axis.plot(grid, grid, color="#c8c8c8", linewidth=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_xlim(min(MARKED_FAR) / 10, 1)
    axis.set_ylim(0, 1.01)
    axis.set_xlabel("FAR: strangers who pass")
    axis.set_ylabel("TAR: own photographs that pass")
    axis.set_title(panel.title, fontsize=10)
    axis.grid(alpha=0.2)
    axis.legend(fontsize=8, frameon=False, loc="lower right")
