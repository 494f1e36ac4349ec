"""Commands that measure and compare: two folders, two rows of a table, the paper's claims, a run and its reference."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from clrface import paths
from clrface.catalogue import CLAIMS, MANIFESTS, PROTOCOLS
from clrface.cli.parts import PATH, Command, path_option, paths_option
from clrface.cli.shared import CACHE, TABLES
from clrface.device import VARIABLE, metric_device
from clrface.errors import UserError
from clrface.public import PROTOCOL

REFERENCE = Path("reference/embedded")
"""Under the folder of results."""


def _names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete a protocol's name."""
    from clrface.public import list_protocols

    return [name for name in list_protocols() if name.startswith(begun)]


@click.command(
    cls=Command,
    example="clrface evaluate --pred out/ --gt truth/ --protocol pmrf --metrics ssim,lpips_vgg\n"
    "clrface evaluate --pred ours=out/ --pred theirs=other/ --gt truth/ --out table.tex",
)
@click.option(
    "--pred", "preds", multiple=True, required=True, metavar="[NAME=]FOLDER ...", help="The restored images; several give a table."
)
@path_option("--gt", "The ground truth: as many images, of the same names and sizes.")
@path_option("--lq", "The degraded inputs, for metrics that compare with them.")
@path_option("--clean", "Clean faces of other people, for distances to them.")
@click.option(
    "--protocol",
    default=PROTOCOL,
    show_default=True,
    shell_complete=_names,
    help="Which metrics, and their exact definitions: clrface list protocols.",
)
@click.option("--metrics", help="Some of the protocol's metrics: psnr,ssim.")
@paths_option("--out", "Write the table, too: csv, json, md, tex or html, by the suffix.")
@click.option("--bootstrap", type=int, default=1000, show_default=True, help="Resamples of the intervals.")
@click.option("--batch", type=int, default=16, show_default=True, help="Images measured at once.")
@path_option("--protocols", "A file of protocols of your own.", default=PROTOCOLS)
@path_option("--raw", "The folder of fetched sources; the project's, or the user's cache, when left out.")
@CACHE
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where networks run; CLRFACE_DEVICE, or auto, when left out.")
def evaluate(
    preds: tuple[str, ...],
    gt: Path | None,
    lq: Path | None,
    clean: Path | None,
    protocol: str,
    metrics: str | None,
    out: tuple[Path, ...],
    bootstrap: int,
    batch: int,
    protocols: Path,
    raw: Path | None,
    cache: Path | None,
    device: str | None,
) -> int:
    """Measure any folder of images by a protocol, without a workflow. Several folders give one table.

    Images are paired by file name, less its suffix. Returns 1 if a metric has no value, and says why.
    """
    from clrface.files import check_target, write_text
    from clrface.public import evaluate as measure
    from clrface.tables.evaluate import to_csv
    from clrface.tables.together import together, writer_of

    if device:
        os.environ[VARIABLE] = device
        metric_device()  # one that isn't there is reported before any work
    named = _named(preds)
    for path in out:
        check_target(path)
        writer_of(path)
    measured = partial(
        measure,
        gt=gt,
        lq=lq,
        clean=clean,
        protocol=protocol,
        metrics=metrics.split(",") if metrics else None,
        resamples=bootstrap,
        batch=batch,
        sources=raw,
        cache=cache,
        protocols=protocols,
    )
    done = {name: measured(folder) for name, folder in named.items()}
    _print(done, intervals=", ".join(map(str, out)) or "in a file that --out names")
    for path in out:
        one_csv = len(done) == 1 and path.suffix.lower() == ".csv"
        write_text(path, to_csv(next(iter(done.values()))) if one_csv else writer_of(path)(together(done, path.stem)))
    return int(not all(evaluation.complete for evaluation in done.values()))


def _named(preds: Sequence[str]) -> dict[str, Path]:
    """`ours=out/`, or a folder alone, by name. Raises: UserError for one name twice."""
    named: dict[str, Path] = {}
    for word in preds:
        name, equals, folder = word.partition("=")
        path = Path(folder) if equals and not Path(word).exists() else Path(word)
        name = name if equals and not Path(word).exists() else path.name or str(path)
        if name in named:
            raise UserError(f"--pred: two folders are called '{name}'. Name them: --pred ours={named[name]} --pred theirs={path}")
        named[name] = path
    return named


def _print(done: Mapping[str, Any], intervals: str) -> None:
    """A single evaluation metric by metric; several as a table, then what could not be measured."""
    from clrface.tables.evaluate import render
    from clrface.tables.terminal import printable
    from clrface.tables.terminal import render as render_table
    from clrface.tables.together import together

    if len(done) == 1:
        sys.stdout.write(printable(render(next(iter(done.values()))), sys.stdout))
        return
    width = min(120, shutil.get_terminal_size(fallback=(110, 24)).columns)
    sys.stdout.write(printable(render_table(together(done), width, intervals=intervals), sys.stdout))
    for name, evaluation in done.items():
        for line in evaluation.lines:
            if line.note:
                print(f"{name}: {line.card.id}: {line.note}")


def _scores_of(table: Path) -> Path:
    """The folder of a table's score files: beside it, or the project's."""
    beside = table.parent / "scores"
    return beside if beside.is_dir() else paths.results() / "scores"


@click.command(cls=Command, example="clrface compare results/table1.json clrface unet")
@click.argument("table", type=PATH)
@click.argument("first")
@click.argument("second")
@click.option("--over", metavar="ROW", help="A third row: print the share of second's change from it that first has.")
@path_option("--scores", "The folder of score files; that beside the table when left out.")
def compare(table: Path, first: str, second: str, over: str | None, scores: Path | None) -> None:
    """Compare two rows of a finished table: paired differences with their 95 % intervals."""
    from clrface.tables.compare import show_differences

    show_differences(table, first, second, scores or _scores_of(table), over, MANIFESTS)


@click.command(cls=Command, example="clrface claims\nclrface claims results/table1.json --out claims.csv")
@TABLES
@path_option("--claims", "A file of claims of your own.", default=CLAIMS)
@path_option("--scores", "The folder of score files; that beside the table when left out.")
@path_option("--out", "A csv, beside which json, md and tex are written; printed alone when left out.")
def claims(tables: tuple[Path, ...], claims: Path, scores: Path | None, out: Path | None) -> None:
    """Test the paper's claims on finished tables.

    TABLES: results/table1.json ...; all that are in results when left out.
    """
    from clrface.claims import load_claims
    from clrface.metrics.registry import metric_cards
    from clrface.tables.verdicts import judge, listed, summary, write_claims

    found = {path.stem: path for path in tables or sorted(paths.results().glob("table*.json"))}
    if not found:
        raise UserError(
            f"Found no table in {paths.results()}, expected those that the claims name. Make them first: snakemake --cores all claims."
        )
    stated = load_claims(claims, metric_cards(), found)
    findings = judge(stated, found, scores or _scores_of(next(iter(found.values()))), MANIFESTS)
    if out:
        write_claims(stated, findings, found, out)
        print(f"{out}: {summary(findings)}.")
    else:
        print(listed(findings))


@click.command(cls=Command, example="clrface reproduce\nclrface reproduce results results/reference/embedded")
@click.argument("results", type=PATH, required=False)
@click.argument("reference", type=PATH, required=False)
def reproduce(results: Path | None, reference: Path | None) -> int:
    """Compare a run's tables with the reference's, value by value; return 1 if any differs."""
    from clrface.tables.reproduce import print_report
    from clrface.tables.reproduce import reproduce as compare_tables

    report = compare_tables(results or paths.results(), reference or paths.results() / REFERENCE)
    print_report(report)
    return int(bool(report.differences))


@click.command(cls=Command, example="clrface reference table1 table4 --out my-reference")
@click.argument("tables", nargs=-1)
@path_option("--results", "The run's folder of results.")
@path_option("--out", "Where the reference is kept.")
def reference(tables: tuple[str, ...], results: Path | None, out: Path | None) -> None:
    """Keep a run's tables as the reference, with the machine that they were made on.

    TABLES: their names; all of the embedded preset, the costs and the claims when left out.
    """
    from clrface.claims import COST_TABLE
    from clrface.config.load import load_config
    from clrface.tables.reproduce import write_reference

    names = list(tables) or [*load_config([paths.preset()])["tables"], COST_TABLE, CLAIMS.stem]
    target = out or paths.results() / REFERENCE
    write_reference(results or paths.results(), target, names)
    print(f"{target}: {', '.join(names)}.")
