"""The table as text: CSV at full precision, Markdown and TeX rounded and marked.

Equal tables give equal bytes.
"""

import csv
import io
import json
import math
import re
from collections.abc import Sequence

from clrface.api import MetricCard
from clrface.stats.bootstrap import Estimate
from clrface.tables.calibration import PARTS, calibration_of, calibrations, note, published_metrics
from clrface.tables.table import ARROWS, Mark, Row, Table, format_value, marks

DASH = "–"
_TEX_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"} | {
    c: f"\\{c}" for c in "&%$#_{}"
}


def to_csv(table: Table) -> str:
    """Return one line a row.

    A number is the shortest text that reads back to the same float, `inf`, or empty if unmeasured.
    `note` says why a row has no number, or how many images equal the ground truth. Published
    numbers for the table's protocol and sets, and the differences (ours minus theirs), are the last
    columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names, compared = [card.id for card in table.metrics], published_metrics(table)
    writer.writerow(
        ["method", "label", "dataset", "degradation", "n", "n_failed", "seeds"]
        + [m + end for m in names for end in ("", "_lo", "_hi")]
        + ["note"]
        + [f"{metric}_{part}" for metric in compared for part in PARTS[1:]]
    )
    for row in table.rows:
        numbers = ["" if math.isnan(part) else repr(part) for m in names for part in row.estimates[m]]
        known = [row.method, row.label, row.dataset, row.degradation, row.n, row.n_failed, " ".join(map(str, row.seeds))]
        beside = [calibration_of(table, row).value(part, metric) for metric in compared for part in PARTS[1:]]
        writer.writerow([*known, *numbers, row.remark, *("" if math.isnan(value) else repr(value) for value in beside)])
    return text.getvalue()


def to_json(content: object) -> str:
    """Return indented JSON. Raises: ValueError for a bare inf or NaN, which JSON lacks."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(table: Table) -> str:
    """Return a heading, one Markdown table a block, and what the marks and intervals mean."""
    parts = [f"# {table.name}: protocol `{table.protocol}`, {table.resolution}x{table.resolution} pixels"]
    for dataset, degradation, rows in table.blocks():
        header = ["Method", "failed", *(markdown_escape(heading(card)) for card in table.metrics)]
        by_metric = [marks(rows, card) for card in table.metrics]
        lines = [header, [":--", *["--:"] * (len(header) - 1)]]
        for i, row in enumerate(rows):
            label = f"*{markdown_escape(row.label)}*" if row.control else markdown_escape(row.label)
            label += f"<br><sub>{markdown_escape(row.remark)}</sub>" if row.remark else ""
            cells = [_markdown_cell(row.estimates[card.id], card, column[i]) for card, column in zip(table.metrics, by_metric, strict=True)]
            lines.append([label, str(row.n_failed), *cells])
        parts.append(f"## {markdown_escape(dataset)}, degradation `{degradation}`: {count(rows[0].n)}, {seeds_text(rows)}")
        parts.append(_markdown_table(lines))
        parts += _markdown_calibration(table, dataset, degradation)
    parts.append(legend(table, best="**bold**", second="<u>underlined</u>", controls="italics"))
    return "\n\n".join(parts) + "\n"


def _markdown_table(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_calibration(table: Table, dataset: str, degradation: str) -> list[str]:
    """Return our value, the published one and the difference, three lines a method; empty without
    published numbers.
    """
    cards, found = calibrations(table, dataset, degradation)
    if not found:
        return []
    lines = [["Method", "", *(markdown_escape(heading(card)) for card in cards)], [":--", ":--", *["--:"] * len(cards)]]
    for one in found:
        for part in PARTS:
            lines.append([markdown_escape(one.label) if part == PARTS[0] else "", part, *(one.text(part, card) or DASH for card in cards)])
    title = f"### {markdown_escape(dataset)}, degradation `{degradation}`: beside published numbers"
    return [title, _markdown_table(lines), markdown_escape(note(table, dataset, degradation))]


def to_tex(table: Table) -> str:
    r"""One `table*` a block, for a document with `\usepackage{booktabs}`; the intervals stand under
    their means.
    """
    blocks = [_tex_block(table, dataset, degradation, rows) for dataset, degradation, rows in table.blocks()]
    return "% Needs \\usepackage{booktabs}\n" + "\n".join(blocks)


def heading(card: MetricCard) -> str:
    """`PSNR, dB ↑`"""
    return f"{card.label}, {card.unit} {ARROWS[card.direction]}" if card.unit else f"{card.label} {ARROWS[card.direction]}"


def count(n: int) -> str:
    """`1 image`, `120 images`."""
    return f"{n} image" if n == 1 else f"{n} images"


def seeds_text(rows: Sequence[Row]) -> str:
    """`seed 0`, or, where methods differ, `seeds 0, 1, 2 (CLR-Face); seed 0 (U-Net)`."""
    labels: dict[tuple[int, ...], list[str]] = {}
    for row in rows:
        labels.setdefault(row.seeds, []).append(row.label)
    texts = {seeds: f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}" for seeds in labels}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{text} ({', '.join(labels[seeds])})" for seeds, text in texts.items())


def legend(table: Table, best: str, second: str, controls: str) -> str:
    """Return what a reader must know to read the numbers."""
    drawn = " and ".join(dict.fromkeys(card.resamples for card in table.metrics))
    means = "Means over images" if drawn == "images" else "Values"
    return (
        f"{means} with 95 % intervals (bootstrap over {drawn}, {table.n_boot} resamples, the same for every method). "
        f"Best {best}, second {second}, as printed; controls ({controls}) are not ranked. "
        f"`failed` counts images that failed in restoration or in any metric; {_of_failures(table)}. "
        f"{DASH}: not measured: no ground truth, or no success."
    )


def _of_failures(table: Table) -> str:
    if all(card.resamples == "people" for card in table.metrics):
        return "such an image is never recognised: a miss at every threshold"
    return "such an image is left out of the means that it failed"


def _markdown_cell(estimate: Estimate, card: MetricCard, mark: Mark) -> str:
    if math.isnan(estimate.value):
        return DASH
    value, low, high = (format_value(part, card) for part in estimate)
    shown = {"best": f"**{value}**", "second": f"<u>{value}</u>", "": value}[mark]
    return f"{shown}<br><sub>[{low}, {high}]</sub>"


def markdown_escape(text: str) -> str:
    """Plain text for a cell of a Markdown table."""
    return re.sub(r"([|*_`<\\])", r"\\\1", text)


def _tex_block(table: Table, dataset: str, degradation: str, rows: Sequence[Row]) -> str:
    by_metric = [marks(rows, card) for card in table.metrics]
    header = ["Method", "failed", *(_tex_heading(card) for card in table.metrics)]
    lines = []
    for i, row in enumerate(rows):
        label = rf"\textit{{{tex_escape(row.label)}}}" if row.control else tex_escape(row.label)
        label += f" ({tex_escape(row.remark)})" if row.remark else ""
        cells = [_tex_cell(row.estimates[card.id], card, column[i]) for card, column in zip(table.metrics, by_metric, strict=True)]
        intervals = [_tex_interval(row.estimates[card.id], card) for card in table.metrics]
        lines += [" & ".join([label, str(row.n_failed), *cells]) + r" \\", " & ".join(["", "", *intervals]) + r" \\"]
    of = f"{count(rows[0].n)} of {table.resolution}x{table.resolution} pixels"
    about = f"Protocol {table.protocol}, dataset {dataset}, degradation {degradation}, {of}, {seeds_text(rows)}."
    note = legend(table, best="bold", second="underlined", controls="italics").replace("`", "")
    return tex_table(f"{table.name}-{dataset}-{degradation}", f"{about} {note}", header, lines)


def tex_table(label: str, caption: str, header: Sequence[str], lines: Sequence[str]) -> str:
    r"""Return a `table*` of finished lines (with their `\\`).

    The first column is aligned to the left, the others to the right; `caption` is plain text.
    """
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{tex_escape(caption)}}}",
            rf"\label{{tab:{label}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
            r"\toprule",
            " & ".join(header) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table*}",
            "",
        ]
    )


def _tex_heading(card: MetricCard) -> str:
    """The label over the unit and the arrow, to keep columns narrow."""
    arrow = r"$\uparrow$" if card.direction == "higher" else r"$\downarrow$"
    name, _, rest = tex_escape(card.label).partition(" ")
    lines = [name, *([rest] if rest else []), f"{tex_escape(card.unit)} {arrow}".strip()]
    return r"\shortstack[r]{" + r" \\ ".join(lines) + "}"


def _tex_cell(estimate: Estimate, card: MetricCard, mark: Mark) -> str:
    if math.isnan(estimate.value):
        return "--"
    value = _tex_number(estimate.value, card)
    return {"best": rf"\textbf{{{value}}}", "second": rf"\underline{{{value}}}", "": value}[mark]


def _tex_interval(estimate: Estimate, card: MetricCard) -> str:
    if math.isnan(estimate.value):
        return ""
    return rf"{{\tiny [{_tex_number(estimate.low, card)}, {_tex_number(estimate.high, card)}]}}"


def _tex_number(value: float, card: MetricCard) -> str:
    return format_value(value, card).replace("-", "$-$").replace("inf", r"$\infty$")


def tex_escape(text: str) -> str:
    """Plain text for TeX."""
    return text.translate(str.maketrans(_TEX_SPECIAL))
