"""Operating curves of recognition: true accepts against false accepts, a panel a degraded set."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from clrface.metrics.verification import Curve, equal_error_rate
from clrface.report.figure import OURS, looks, save

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


def roc_figure(panels: Sequence[Panel], target: Path) -> None:
    """Draw the panels side by side and write the image to `target` (PNG, and PDF beside it).

    FAR is logarithmic, from a tenth of the smallest FAR that the table reads off; what lies left of
    one false accept is not drawn. Controls are black and broken. A row without any pair is named in
    the legend as not measured.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(6.6 * len(panels), 5.2), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        _draw(axis, panel)
    fig.tight_layout()
    save(fig, target)
    plt.close(fig)


def _draw(axis: Axes, panel: Panel) -> None:
    controls, rivals = iter(CONTROLS * len(panel.lines)), looks([line.label for line in panel.lines if not line.control])
    for line in panel.lines:
        colour, dash = next(controls) if line.control else rivals[line.label][:2]
        width, above = (2.2, 3) if line.label == OURS else (1.4, 2)
        eer = equal_error_rate(line.curve)
        label = f"{line.label} (not measured)" if np.isnan(eer) else f"{line.label}, EER {100 * eer:.1f} %"
        drawn = line.curve.far > 0
        look = {"color": colour, "linestyle": dash, "linewidth": width, "zorder": above}
        axis.step(line.curve.far[drawn], line.curve.tar[drawn], where="post", label=label, **look)
    for far in MARKED_FAR:
        axis.axvline(far, color="#c8c8c8", linewidth=0.8, zorder=0)
    grid = np.geomspace(1e-4, 1, 100)
    axis.plot(grid, grid, color="#c8c8c8", linewidth=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_xlim(min(MARKED_FAR) / 10, 1)
    axis.set_ylim(0, 1.01)
    axis.set_xlabel("False accept rate")
    axis.set_ylabel("True accept rate")
    axis.set_title(panel.title, fontsize=10)
    axis.grid(alpha=0.2)
    axis.legend(fontsize=8, frameon=False, loc="lower right")
