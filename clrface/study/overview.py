"""The method in one figure: a face on its way through CLR-Face, seen by an observer.

See `clrface.restoration.pipeline.Moment`. Notation as in docs/explanation/method.md: y the degraded
face, x the ground truth, x_I = IRN(y), z_I = E(x_I), G the decoder, m the mask, g the gradient of
guidance, x0_hat = the image of z0_hat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clrface.errors import UserError
from clrface.models.recogniser import SFace
from clrface.report.figure import ACCENT, INK, QUIET, save
from clrface.restoration.guidance import RecognitionFreeGuide, RecognitionGuide
from clrface.restoration.pipeline import CLRFace, Moment, Settings
from clrface.seeds import derive_seed
from clrface.study.sweep import Faces

NOISE_STEPS = 16
"""Least number of steps from pure noise, which needs more than a start from the IRN's latent."""
CELL, ACROSS, DOWN = 1.2, 0.42, 0.62
"""A panel's side and the room beside and below it, in inches."""
LEFT, EDGE, FOOT = 1.55, 0.2, 0.5
"""Room for the rows' headings, at the other edges, and for the key below, in inches."""
KEY = (
    r"IRN: identity recovery network.  $E$, $G$: encoder and decoder ($G$ with what it loses of $x_I$ given back).  "
    r"$s_\theta$: prior, told $z_y = E(y)$ and $z_I = E(x_I)$; "
    r"its $\hat{z}_0$ is shown as $\hat{x}_0 = G(\hat{z}_0)$.  $t$: time, 1 is noise.",
    r"$d = 1 - \cos(\phi(\hat{x}_0), \phi_I)$: distance, to the recogniser $\phi$, from the identity that the IRN recovers.  "
    r"$g = \partial d / \partial \hat{z}_0$, and $\hat{z}_0 \leftarrow \hat{z}_0 - \lambda\, m \odot d\, g / |g|^2$.  "
    r"Maps of $g$: lengths over the latents' channels; what is taken off is in their standard deviations.",
)


@dataclass(frozen=True)
class Look:
    """One evaluation of the prior: images (3, H, W) in [0, 1], maps (h, w) over latents."""

    number: int
    t: float
    image: np.ndarray
    """x0_hat, before guidance."""
    gradient: np.ndarray | None
    """|g| over channels, divided by its maximum; None where a recogniser did not guide."""
    shift: np.ndarray | None
    """Length over channels of what guidance subtracts from z0_hat, in standard deviations of the
    latents; None where it was not applied.
    """


@dataclass(frozen=True)
class Run:
    """One restoration of one face, and what was seen of it."""

    evaluations: int
    looks: Sequence[Look]
    """At the evaluations that `shown` chooses."""
    start: np.ndarray
    """The image of the noisy latents at the first evaluation; as `x_irn` and `restored`, (3, H, W)
    in [0, 1].
    """
    x_irn: np.ndarray
    mask: np.ndarray | None
    """(h, w) in (0, 1]; None without guidance."""
    restored: np.ndarray


def write_overview(faces: Faces, settings: Settings, weights: Path, sources: Path, device: str, base_seed: int, target: Path) -> None:
    """Draw the first of `faces`, restored with `settings` and seed 0 as in the tables, and once
    more from noise, to `target` (PNG, and PDF beside it).

    Raises: UserError for no face at all, settings that the sampler refuses, and weights or a
    recogniser that are missing.
    """
    if not faces.ids:
        raise UserError("Found no face to draw the overview of; expected one. Choose a test set of which some faces could be aligned.")
    pipeline = CLRFace.from_pretrained(weights, settings.latents).to(device)
    recogniser = pipeline.make_recogniser(sources).to(device)
    seed = derive_seed(base_seed, "restore 0", faces.dataset, faces.ids[0])
    from_noise = replace(settings, start="noise", steps=max(NOISE_STEPS, settings.steps))
    y = torch.from_numpy(faces.degraded[:1]).to(device)
    runs = {one: watch(pipeline, y, seed, one, recogniser) for one in dict.fromkeys((settings, from_noise))}
    save(_draw(faces.degraded[0], faces.truth[0], runs), target)


def watch(pipeline: CLRFace, y: torch.Tensor, seed: int, settings: Settings, recogniser: SFace | None) -> Run:
    """Restore one face, y (1, 3, H, W) in [0, 1], and keep what an observer gets. It raises what
    `CLRFace.restore` does.
    """
    moments: list[Moment] = []
    restored = pipeline.restore(y, [seed], settings, recogniser, observe=moments.append)
    first, guide = moments[0], moments[0].guide
    with torch.no_grad():
        start = _array(first.to_image(first.step.z_t))
    return Run(
        evaluations=len(moments),
        looks=[_look(place + 1, moments[place]) for place in shown([moment.step.shift is not None for moment in moments])],
        start=start,
        x_irn=_array(first.known.x_irn + first.known.chroma),
        mask=_array(guide.mask)[0] if isinstance(guide, RecognitionGuide | RecognitionFreeGuide) else None,
        restored=_array(restored),
    )


def shown(guided: Sequence[bool]) -> list[int]:
    """Return the indices of the first evaluation, of one between (a guided one if there is any) and
    of the last.

    Args:
        guided: whether guidance was applied, one an evaluation.
    """
    between = list(range(1, len(guided) - 1))
    between = [place for place in between if guided[place]] or between
    middle = between[(len(between) - 1) // 2 :][:1]
    return list(dict.fromkeys((0, *middle, len(guided) - 1)))


def _look(number: int, moment: Moment) -> Look:
    step, guide, gradient, shift = moment.step, moment.guide, None, None
    if step.shift is not None:
        shift = _length(step.shift)
        gradient = _length(guide.direction(step.z0_hat)) if isinstance(guide, RecognitionGuide) else None
    with torch.no_grad():
        image = _array(moment.to_image(step.z0_hat))
    return Look(number, step.t, image, None if gradient is None else gradient / max(gradient.max(), 1e-12), shift)


def _array(batch: torch.Tensor) -> np.ndarray:
    return batch[0].detach().cpu().numpy()


def _length(latents: torch.Tensor) -> np.ndarray:
    """Over channels: (B, C, h, w) to the first one's (h, w)."""
    return _array(latents.norm(dim=1))


# ---- the image


def _draw(y: np.ndarray, x: np.ndarray, runs: dict[Settings, Run]) -> Figure:
    """Rows: the run, its guidance below it, and the run from noise.

    Columns: input, IRN, start, evaluations, result, truth.
    """
    (settings, run), *others = runs.items()
    columns = 5 + max(len(one.looks) for one in runs.values())
    guided = [look for look in run.looks if look.shift is not None]
    sheet = _Sheet(columns, 1 + (2 if guided else 0) + len(others))
    sheet.heading(0, "1", _start_text(settings), "refined by the prior")
    sheet.face(0, 0, y, "$y$", "degraded face")
    sheet.face(0, 1, run.x_irn, r"$x_I = \mathrm{IRN}(y)$", "first estimate", "IRN")
    _draw_run(sheet, 0, run, settings)
    sheet.face(0, columns - 1, x, "$x$", "ground truth")
    if guided:
        _draw_guidance(sheet, run)
    for row, (other, seen) in enumerate(others, sheet.rows - len(others)):
        sheet.heading(row, "3" if guided else "2", _start_text(other), "for comparison")
        _draw_run(sheet, row, seen, other)
    sheet.key(KEY)
    return sheet.figure


def _start_text(settings: Settings) -> str:
    return "From the IRN" if settings.start == "irn" else "From noise"


def _draw_run(sheet: "_Sheet", row: int, run: Run, settings: Settings) -> None:
    """The start, the evaluations and the result."""
    first, last = run.looks[0], sheet.columns - 2
    start = r"$G(\alpha z_I + \sigma\epsilon)$" if settings.start == "irn" else r"$G(\epsilon)$"
    sheet.face(row, 2, run.start, start, f"start, $t$ = {first.t:.2g}", r"$E$, $+\epsilon$" if settings.start == "irn" else "")
    for column, look in enumerate(run.looks, 3):
        sheet.face(row, column, look.image, r"$\hat{x}_0$", f"step {look.number} of {run.evaluations}, $t$ = {look.t:.2g}", r"$s_\theta$")
    sheet.face(row, last, run.restored, r"$\hat{x}$", "restored", "$G$")


def _draw_guidance(sheet: "_Sheet", run: Run) -> None:
    """Under each evaluation that was guided, where the gradient is and what the mask lets through;
    under the result, what changed.
    """
    sheet.heading(1, "2", "Guidance", "gradient of identity")
    sheet.heading(2, "", "", "what the mask lets through")
    if run.mask is not None:
        sheet.heat(1, 1, run.mask, "$m$", "mask", (0.0, 1.0))
    strongest = max(float(look.shift.max()) for look in run.looks if look.shift is not None)
    for column, look in enumerate(run.looks, 3):
        if look.gradient is not None:
            sheet.heat(1, column, look.gradient, "$|g|$", "of its maximum", (0.0, 1.0))
        if look.shift is not None:
            sheet.heat(2, column, look.shift, r"$|\lambda\, m \odot d\, g\, /\, |g|^2|$", r"taken off $\hat{z}_0$", (0.0, strongest))
    change = (run.restored - run.x_irn).mean(0)
    most = float(np.abs(change).max())
    sheet.heat(1, sheet.columns - 2, change, r"$\hat{x} - x_I$", "change by the refinement", (-most, most), "RdBu_r")


class _Sheet:
    """A figure of equal panels in a grid, with arrows from one to the next."""

    def __init__(self, columns: int, rows: int):
        self.columns, self.rows = columns, rows
        self.width = LEFT + columns * CELL + (columns - 1) * ACROSS + EDGE
        self.height = EDGE + rows * (CELL + DOWN) - 0.15 + FOOT
        self.figure = Figure(figsize=(self.width, self.height))

    def face(self, row: int, column: int, rgb: np.ndarray, symbol: str, text: str, arrow: str = "") -> None:
        """An image, (3, H, W) in [0, 1], with an arrow to it, and over that its name."""
        axes = self._panel(row, column, symbol, text)
        axes.imshow(np.clip(rgb.transpose(1, 2, 0), 0, 1), interpolation="none")
        if arrow:
            self._arrow(axes, arrow)

    def heat(
        self, row: int, column: int, values: np.ndarray, symbol: str, text: str, limits: tuple[float, float], colours: str = "inferno"
    ) -> None:
        """A map, (h, w), and its scale."""
        axes = self._panel(row, column, symbol, text)
        drawn = axes.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="none")
        scale = axes.inset_axes((1.03, 0.0, 0.05, 1.0))
        bar = self.figure.colorbar(drawn, cax=scale, ticks=limits)
        bar.ax.set_yticklabels([f"{limit:.2g}" for limit in limits])
        bar.ax.tick_params(labelsize=6, length=2, pad=1, colors=QUIET)
        bar.outline.set_visible(False)  # type: ignore[operator]

    def heading(self, row: int, number: str, title: str, text: str) -> None:
        """At the left of a row."""
        y = self._y(row) + CELL / 2
        self.figure.text(0.12 / self.width, (y + 0.1) / self.height, f"{number}  {title}".strip(), size=10, weight="bold", color=INK)
        self.figure.text(0.12 / self.width, (y - 0.1) / self.height, text, size=8, color=QUIET)

    def key(self, lines: Sequence[str]) -> None:
        """What the letters mean, at the foot."""
        for place, line in enumerate(reversed(lines)):
            self.figure.text(0.12 / self.width, (0.12 + 0.2 * place) / self.height, line, size=8, color=INK)

    def _y(self, row: int) -> float:
        """A row's lower edge, in inches from the figure's."""
        return self.height - EDGE - row * (CELL + DOWN) - CELL

    def _panel(self, row: int, column: int, symbol: str, text: str) -> Axes:
        x = LEFT + column * (CELL + ACROSS)
        axes = self.figure.add_axes((x / self.width, self._y(row) / self.height, CELL / self.width, CELL / self.height))
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.text(0.5, -0.04, symbol, transform=axes.transAxes, ha="center", va="top", size=10, color=INK)
        axes.text(0.5, -0.21, text, transform=axes.transAxes, ha="center", va="top", size=7, color=QUIET)
        return axes

    def _arrow(self, axes: Axes, name: str) -> None:
        far, near = -0.92 * ACROSS / CELL, -0.08 * ACROSS / CELL
        look = {"arrowstyle": "-|>", "color": ACCENT, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        axes.annotate("", (near, 0.5), (far, 0.5), xycoords="axes fraction", textcoords="axes fraction", arrowprops=look)
        axes.text((far + near) / 2, 0.56, name, transform=axes.transAxes, ha="center", va="bottom", size=7.5, color=INK)
