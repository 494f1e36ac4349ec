"""What is compared: pairs of images, and a row for each number that a peer gives."""

import math
from dataclasses import dataclass
from pathlib import Path

from clrface import evaluate

RELATIVE, ABSOLUTE = 2e-5, 2e-6
"""Numbers agree when they differ by less than either: peers print six decimals."""


@dataclass(frozen=True)
class Images:
    """Two folders of PNGs, paired by name."""

    restored: Path
    truth: Path


@dataclass(frozen=True)
class Row:
    """One number, theirs and ours; `why` says why there is none of theirs."""

    peer: str
    theirs_is: str
    ours_is: str
    theirs: float = math.nan
    ours: float = math.nan
    why: str = ""
    absolute: float = ABSOLUTE
    """How far apart they may be whatever their size."""

    @property
    def agrees(self) -> bool:
        """Whether both are there and differ by rounding alone."""
        return math.isclose(self.theirs, self.ours, rel_tol=RELATIVE, abs_tol=self.absolute)

    @property
    def verdict(self) -> str:
        """`agrees`, `DIFFERS`, or why it can't be said."""
        return self.why or ("agrees" if self.agrees else "DIFFERS")


def ours(images: Images, metric: str, sources: Path) -> float:
    """Our value of a metric, by `clrface.evaluate` as everybody calls it."""
    protocol, gt = PROTOCOLS.get(metric, "pyiqa"), images.truth
    return evaluate(images.restored, gt, protocol=protocol, metrics=[metric], resamples=1, sources=sources).values[metric]


PROTOCOLS = {
    "psnr_corrected": "vqfr",
    "ssim_corrected": "vqfr",
    "fid_ffhq512": "vqfr",
    "deg_arcface_r18": "vqfr",
    "lmd_fan": "vqfr",
    "niqe_official": "vqfr",
    "psnr_full_count": "restoreformer",
    "ssim_full_count": "restoreformer",
    "lpips_vgg_bgr": "restoreformer",
    "idd_arcface_r18": "restoreformer",
}
"""A protocol that has the metric; pyiqa's for the others."""


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| peer | its number | ours | theirs | ours | difference | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        numbers = ["" if math.isnan(value) else f"{value:.6f}" for value in (row.theirs, row.ours)]
        apart = "" if math.isnan(row.theirs - row.ours) else f"{row.ours - row.theirs:+.1e}"
        lines.append(f"| {row.peer} | {row.theirs_is} | `{row.ours_is}` | {numbers[0]} | {numbers[1]} | {apart} | {row.verdict} |")
    return "\n".join(lines) + "\n"
