"""Several folders, measured by one protocol, in one table.

It has the marks, intervals and formats of the workflow's tables.
"""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from clrface.errors import UserError
from clrface.tables.evaluate import Evaluation
from clrface.tables.formats import DASH, heading, legend, to_csv, to_json, to_markdown, to_tex
from clrface.tables.table import Row, Table, format_value, marks, table_to_json

STYLE = (
    "body{font:16px/1.4 system-ui,sans-serif;margin:2rem}table{border-collapse:collapse}td,th{padding:.3rem .7rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr{border-bottom:1px solid #ccc}small{color:#595959;display:block}"
)


def together(evaluations: Mapping[str, Evaluation], name: str = "evaluation") -> Table:
    """Make a table with each evaluation as a row.

    Raises: UserError for folders of different images or sizes, whose numbers don't compare.
    """
    (first_name, first), *others = evaluations.items()
    for other_name, other in others:
        if (other.n, other.size) != (first.n, first.size):
            raise UserError(
                f"'{first_name}' has {first.n} images of {first.size}, and '{other_name}' {other.n} of {other.size}: "
                "their numbers don't compare. Give folders of the same images."
            )
    truth, inputs = first.folders.gt, first.folders.lq
    rows = [_row(method, evaluation, truth, inputs) for method, evaluation in evaluations.items()]
    side = int(first.size.split("x")[0])
    return Table(name, first.protocol, side, first.n_boot, tuple(line.card for line in first.lines), tuple(rows))


def writer_of(out: Path) -> Callable[[Table], str]:
    """Return what makes the text of `out`, by its suffix.

    Raises: UserError for an unknown suffix.
    """
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"Can't write {out}: found the suffix '{out.suffix}', expected one of {', '.join(FORMATS)}.")
    return FORMATS[out.suffix.lower()]


def to_html(table: Table) -> str:
    """Return one page that needs no other file."""
    header = "".join(f"<th>{escape(text)}</th>" for text in ("Method", "failed", *(heading(card) for card in table.metrics)))
    parts = [f"<h1>Protocol {escape(table.protocol)}, {table.resolution} pixels a side</h1>"]
    for _, _, rows in table.blocks():
        marked = {card.id: marks(rows, card) for card in table.metrics}
        lines = "".join(_html_row(table, row, [marked[card.id][place] for card in table.metrics]) for place, row in enumerate(rows))
        parts.append(f"<table><thead><tr>{header}</tr></thead><tbody>{lines}</tbody></table>")
    parts.append(f"<p>{escape(legend(table, best='bold', second='underlined', controls='none'))}</p>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(table.name)}</title><style>{STYLE}</style>{"".join(parts)}\n'
    )


def _html_row(table: Table, row: Row, signs: list[str]) -> str:
    cells = [f"<td>{escape(row.label)}</td><td>{row.n_failed}</td>"]
    for card, sign in zip(table.metrics, signs, strict=True):
        value, low, high = row.estimates[card.id]
        if value != value:
            cells.append(f"<td>{DASH}</td>")
            continue
        shown = {"best": "<b>{}</b>", "second": "<u>{}</u>", "": "{}"}[sign].format(format_value(value, card))
        cells.append(f"<td>{shown}<small>[{format_value(low, card)}, {format_value(high, card)}]</small></td>")
    return f"<tr>{''.join(cells)}</tr>"


def _row(method: str, evaluation: Evaluation, truth: Path | None, inputs: Path | None) -> Row:
    lines = evaluation.lines
    return Row(
        method=method,
        label=method,
        control=False,
        dataset=truth.name if truth else DASH,
        degradation=inputs.name if inputs else DASH,
        n=evaluation.n,
        n_failed=len({image_id for line in lines for image_id in line.failures}),
        seeds=(0,),
        estimates={line.card.id: line.estimate for line in lines},
        note="; ".join(dict.fromkeys(line.note for line in lines)) if all(line.note for line in lines) else "",
        perfect=max((line.perfect for line in lines), default=0),
    )


FORMATS: Mapping[str, Callable[[Table], str]] = {
    ".csv": to_csv,
    ".json": lambda table: to_json(table_to_json(table)),
    ".md": to_markdown,
    ".tex": to_tex,
    ".html": to_html,
}
