"""NTIRE's challenges on real-world face restoration: means of each set, score, and identity filter.

The total mean is weighted by the sets' sizes. Source: eval.py of the challenges' repositories
(zhengchen1999/NTIRE2025_RealWorld_Face_Restoration and
jkwang28/NTIRE2026_RealWorld_Face_Restoration); arXiv 2504.14600, 2604.10532.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clrface.api import OK, Score
from clrface.errors import UserError, unknown_name
from clrface.evaluation.measure import SET_ROW
from clrface.evaluation.ntire import IDENTITY, Listed, of_set
from clrface.metrics.registry import metric_card
from clrface.tables.formats import DASH
from clrface.tables.table import format_value

METRICS = ("niqe_yiq", "clipiqa", "maniqa", "musiq")
QALIGN = "qalign"
FID = "fid_ffhq512"
_2025 = {"CelebA": 0.5, "LFW-Test": 0.6, "CelebChild-Test": 0.6, "Wider-Test": 0.3, "WebPhoto-Test": 0.3}
THRESHOLDS = {2025: _2025, 2026: _2025 | {"Wider-Test": 0.2, "WebPhoto-Test": 0.25}}
"""By year and set: an output whose identity lies below counts as lost."""
MOST_LOST = 10
"""With more lost outputs, a submission fails."""
SHOWN = 5


class SetRow(NamedTuple):
    """A set's means by metric, NaN where an image has no value; its numbers of images and of lost
    ones.
    """

    dataset: str
    n: int
    means: dict[str, float]
    lost: int


@dataclass(frozen=True)
class Result:
    """The finished table: the sets' rows in the list's order, and the mean of all, weighted by the
    sets' sizes.
    """

    year: int
    metrics: tuple[str, ...]
    sets: tuple[SetRow, ...]
    all: SetRow
    fid: float
    failures: dict[str, str]
    """image_id to reason, of images without one of the values."""

    @property
    def parts(self) -> dict[str, float]:
        """Return what each metric adds to the score; NaN where it has no value."""
        return {name: share(name, value) for name, value in (self.all.means | {FID: self.fid}).items() if name != IDENTITY}

    @property
    def score(self) -> float:
        """Return the sum of the parts; NaN where one has no value.

        Without Q-Align it is up to 1 below the challenge's.
        """
        return sum(self.parts.values())

    @property
    def passes(self) -> bool:
        """Return whether few enough images lost their identity.

        An image without a value counts as lost.
        """
        return self.all.lost <= MOST_LOST


def metrics_of(qalign: bool) -> tuple[str, ...]:
    """Return the metrics to measure, FID last."""
    return (*METRICS, *([QALIGN] if qalign else []), FID)


def share(name: str, value: float) -> float:
    """Return what a metric's mean adds to the score."""
    if name == "niqe_yiq":
        return _never_negative((10 - value) / 10)
    if name == FID:
        return _never_negative((100 - value) / 100)
    return value / {"musiq": 100, QALIGN: 5}.get(name, 1)


def summarise(year: int, scores: Mapping[str, Mapping[str, Score]], listed: Mapping[str, Listed]) -> Result:
    """Compute the challenge's table.

    Args:
        year: 2025 or 2026.
        scores: each metric's by image_id, from clrface.evaluation.ntire.measured.
        listed: every image's set.

    Raises: UserError for a set that the challenge of that year lacks.
    """
    thresholds = thresholds_of(year, listed)
    names = [name for name in scores if name != FID]
    members: dict[str, list[str]] = {}
    for image_id, (dataset, _) in listed.items():
        members.setdefault(dataset, []).append(image_id)
    rows = [
        SetRow(
            dataset,
            len(ids),
            {name: _mean([scores[name][image_id].value for image_id in ids]) for name in names},
            sum(not scores[IDENTITY][image_id].value >= thresholds[dataset] for image_id in ids),
        )
        for dataset, ids in members.items()
    ]
    n = len(listed)
    weighted = {name: sum(row.means[name] * row.n for row in rows) / n for name in names}
    failures = {image_id: found.status for by_id in scores.values() for image_id, found in by_id.items() if found.status != OK}
    total = SetRow("All", n, weighted, sum(row.lost for row in rows))
    return Result(year, tuple(scores), tuple(rows), total, of_set(scores[FID]), failures)


def thresholds_of(year: int, listed: Mapping[str, Listed]) -> Mapping[str, float]:
    """Return the year's thresholds by set. Raises: UserError for a listed set without one."""
    for dataset in {one.dataset for one in listed.values()}:
        if dataset not in THRESHOLDS[year]:
            raise unknown_name(f"set of NTIRE {year} in the list of points:", dataset, THRESHOLDS[year])
    return THRESHOLDS[year]


def check_year(year: int) -> None:
    """Raise UserError for a year without such a challenge."""
    if year not in THRESHOLDS:
        raise UserError(f"Found year {year}, but expected one of {', '.join(map(str, THRESHOLDS))}.")


def to_csv(result: Result) -> str:
    """Return a line a set, one of all, and one of what each metric adds to the score; empty for no
    value.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["dataset", "n", *result.metrics, "lost", "score"])
    for row in (*result.sets, result.all):
        fid = result.fid if row is result.all else math.nan
        writer.writerow([row.dataset, row.n, *(_number((row.means | {FID: fid})[name]) for name in result.metrics), row.lost, ""])
    shares = (_number(result.parts.get(name, math.nan)) for name in result.metrics)
    writer.writerow(["Score", result.all.n, *shares, result.all.lost, _number(result.score)])
    return text.getvalue()


def render(result: Result) -> str:
    """Return the table for the terminal, whether the identity filter is passed, and what failed."""
    head = ["set", "n", *("identity" if name == IDENTITY else metric_card(name).label for name in result.metrics), "lost"]
    rows = [head]
    for row in (*result.sets, result.all):
        means = row.means | {FID: result.fid if row is result.all else math.nan}
        rows.append([row.dataset, str(row.n), *(_cell(name, means[name]) for name in result.metrics), str(row.lost)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    verdict = "passed" if result.passes else "failed"
    lines += ["", f"NTIRE {result.year}, identity filter {verdict}: {result.all.lost} of {result.all.n} lost, at most {MOST_LOST} may be."]
    without = "" if QALIGN in result.metrics else ", without Q-Align (--qalign), which adds up to 1"
    lines.append(f"Score {_cell(IDENTITY, result.score)}{without}.")
    for image_id, reason in list(result.failures.items())[:SHOWN]:
        lines.append(f"No score, since {'the set' if image_id == SET_ROW else image_id} has no value: {reason}.")
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _never_negative(value: float) -> float:
    return value if math.isnan(value) else max(0.0, value)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _cell(name: str, value: float) -> str:
    if math.isnan(value):
        return DASH
    return f"{value:.4f}" if name == IDENTITY else format_value(value, metric_card(name))
