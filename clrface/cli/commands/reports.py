"""Commands that show what a run made."""

from pathlib import Path

import click

from clrface.cli.parts import PATH, Command, path_option, paths_option
from clrface.cli.shared import OUT, TABLE, face_sets, finished_table


@click.command(cls=Command, example="clrface show results/table1.json")
@click.argument("tables", type=PATH, nargs=-1, required=True)
def show(tables: tuple[Path, ...]) -> None:
    """Print tables that are there, and where their files are.

    TABLES: results/table1.json ...
    """
    from clrface.tables.terminal import show as print_table

    for table in tables:
        files = [table.with_suffix(suffix) for suffix in (".csv", ".json", ".md", ".tex")]
        files += [table.parent / "figures" / f"{table.stem}_{name}.png" for name in ("samples", "failures", "chart", "roc")]
        print_table(table, [path for path in files if path.is_file()])


@click.command(cls=Command, example="clrface chart results/table1.json --out chart.png")
@TABLE
@OUT
def chart(table: Path, out: Path) -> None:
    """Draw a table's methods as lines across its metrics."""
    from clrface.report.chart import table_chart

    table_chart(finished_table(table), out)


@click.command(
    cls=Command, example="""clrface report --tables results/table1.json --spec '{"chunks": {"orl": ["000", "001"]}}' --out report.html"""
)
@paths_option("--tables", "results/table1.json ...", required=True)
@face_sets
@path_option("--claims", "results/claims.json")
@path_option("--costs", "results/table6.json")
@paths_option("--figures", "PNG files to embed.")
@OUT
def report(
    tables: tuple[Path, ...],
    spec: str,
    results: Path,
    data: Path,
    claims: Path | None,
    costs: Path | None,
    figures: tuple[Path, ...],
    out: Path,
) -> None:
    """Write one self-contained HTML page: tables, intervals, faces, claims, provenance."""
    from clrface.report.page import PageSpec, write_page
    from clrface.report.records import Places
    from clrface.report.requests import SetSpec

    write_page(PageSpec(list(tables), SetSpec.from_json(spec), claims, costs, list(figures), Places(results, data)), out)
