"""The command that ranks by NTIRE's challenges on real-world face restoration."""

import os
import sys
from pathlib import Path

import click

from clrface import paths
from clrface.cli.parts import Command, path_option
from clrface.cli.shared import CACHE
from clrface.device import VARIABLE, metric_device


@click.command(
    cls=Command, example="clrface ntire --results out/ --inputs NTIRE-FR/test --points test_face.csv --year 2025 --out score.csv"
)
@path_option("--results", "The restored images, in one folder or one for each set.", required=True)
@path_option("--inputs", "The challenge's low-quality images, of the same names and sizes.", required=True)
@path_option("--points", "The challenge's list of five points an image: face_alignment/test_face.csv, test_2026_face.csv.", required=True)
@click.option("--year", type=int, default=2026, show_default=True, help="2025 or 2026: the thresholds of identity.")
@click.option("--qalign", is_flag=True, help="Measure Q-Align, too: pyiqa downloads 16 GB for it.")
@path_option("--out", "Write the table, too, as csv.")
@path_option("--raw", "The folder of fetched sources; the project's, or the user's cache, when left out.")
@CACHE
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where networks run; CLRFACE_DEVICE, or auto, when left out.")
def ntire(
    results: Path,
    inputs: Path,
    points: Path,
    year: int,
    qalign: bool,
    out: Path | None,
    raw: Path | None,
    cache: Path | None,
    device: str | None,
) -> int:
    """Score restored faces as NTIRE's challenges of 2025 and 2026 do, identity filter included.

    Returns 1 if there is no score, since an image has no value, or if the identity filter is failed.
    """
    from clrface.evaluation.ntire import measured, read_points
    from clrface.files import check_target, write_text
    from clrface.tables.ntire import check_year, metrics_of, render, summarise, thresholds_of, to_csv
    from clrface.tables.terminal import printable

    check_year(year)
    if device:
        os.environ[VARIABLE] = device
        metric_device()  # one that isn't there is reported before any work
    if out:
        check_target(out)
    listed = read_points(points)
    thresholds_of(year, listed)
    scores = measured(metrics_of(qalign), results, inputs, listed, raw or paths.raw(), cache=cache)
    result = summarise(year, scores, listed)
    if out:
        write_text(out, to_csv(result))
    sys.stdout.write(printable(render(result), sys.stdout))
    return int(result.score != result.score or not result.passes)
