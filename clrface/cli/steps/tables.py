"""Steps that make tables: from score files, and the nested JSON for DVC."""

from dataclasses import replace
from pathlib import Path

import click

from clrface.api import MethodCard
from clrface.cli.parts import Command, JsonText, path_option
from clrface.cli.shared import OUT, TABLE, finished_table
from clrface.device import pick_device


@click.command(cls=Command)
@click.option("--spec", type=JsonText(), required=True, help="The table as JSON: rows, metrics, protocol and where it comes from.")
@path_option("--scores", "The folder of score files.", default=Path("results/scores"), show_default=True)
@path_option("--degraded", "The folder of degraded sets.", default=Path("data/degraded"), show_default=True)
@OUT
def tabulate(spec: str, scores: Path, degraded: Path, out: Path) -> None:
    """Make a table from score files: csv, json, md, tex."""
    from clrface.metrics.registry import metric_cards
    from clrface.registry import method_card
    from clrface.tables.request import TableRequest
    from clrface.tables.table import TableSpec
    from clrface.tables.tabulate import tabulate as make_table

    asked = TableRequest.from_json(spec)
    weights = {name: Path(folder) for name, folder in asked.weights.items()}
    cards = {row: replace(method_card(method), label=label) for row, (method, label) in asked.cards.items()}
    for row, about in asked.submissions.items():
        cards[row] = MethodCard(row, about["label"], False, paper=about.get("paper", ""), licence=about.get("licence", ""))
    table = TableSpec.of(asked, metric_cards(), cards, pick_device(asked.device))
    make_table(table, scores=scores, degraded=degraded, weights=weights, target=out, chunks=asked.chunks)


@click.command(cls=Command)
@TABLE
@OUT
def metrics(table: Path, out: Path) -> None:
    """Write a table's values alone, as the nested JSON that `dvc metrics` reads."""
    from clrface.files import write_text
    from clrface.tables.formats import to_json
    from clrface.tables.table import table_values

    write_text(out, to_json(table_values(finished_table(table))))
