"""The report: one HTML page without external files.

It has sortable tables, intervals, faces before and after, each method's best and worst, claims,
costs, and the origin of every file. Style and script are in the page, images are data URIs, and a
content policy forbids every request. Equal inputs give an equal page.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from clrface.api import MetricCard
from clrface.errors import UserError
from clrface.files import write_text
from clrface.report.faces import SETS_AT_MOST, Cases, FaceSet, SetSpec, case_metric, cases, face_sets, sampled
from clrface.report.gallery import Gallery, file_uri
from clrface.report.intervals import LEFT, RIGHT, WIDTH, Plot, interval_plot
from clrface.report.records import Places, Record, records
from clrface.tables.formats import DASH, count, heading, legend, seeds_text
from clrface.tables.table import ARROWS, Mark, Row, Table, format_value, marks, table_from_json

TEMPLATE = Path(__file__).parent / "template"


@dataclass(frozen=True)
class PageSpec:
    """What the page is about. Everything but the tables may be absent."""

    tables: Sequence[Path]
    """Their json files."""
    sets: SetSpec
    claims: Path | None = None
    costs: Path | None = None
    figures: Sequence[Path] = ()
    """PNG files, embedded as they are."""
    places: Places = field(default_factory=Places)


@dataclass(frozen=True)
class Cell:
    """A table's cell: what is shown, and what it sorts by (None: not measured, always last)."""

    text: str
    value: float | None
    interval: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Block:
    """A table's part of one dataset and degradation."""

    id: str
    table: str
    dataset: str
    degradation: str
    about: str
    metrics: tuple[MetricCard, ...]
    lines: Sequence[tuple[Row, Sequence[Cell]]]
    plots: Sequence[Plot]


@dataclass(frozen=True)
class Gathered:
    """A test set's images: the sampled faces, and the cases by `card`."""

    id: str
    set: FaceSet
    faces: Sequence[str]
    card: MetricCard | None
    cases: Sequence[Cases]


def write_page(spec: PageSpec, target: Path) -> None:
    """Write the page to `target`.

    Raises: UserError for a table, scores, images or claims that are missing or malformed.
    """
    contents = [_read_json(path, "table", "snakemake --cores all results/table1.csv") for path in spec.tables]
    tables = [table_from_json(content) for content in contents]
    sets = face_sets(tables, spec.places, spec.sets)
    claims = read_claims(spec.claims) if spec.claims else []
    gallery = Gallery()
    gathered = [_gather(one, gallery, min(len(sets), SETS_AT_MOST), i) for i, one in enumerate(sets[:SETS_AT_MOST])]
    images = gallery.data_uris()
    page = (
        _environment()
        .get_template("page.html")
        .render(
            tables=tables,
            contents=contents,
            blocks=[block for table in tables for block in _blocks(table)],
            legends={table.name: legend(table, "in a box", "underlined", "in grey").replace("`", "") for table in tables},
            gathered=gathered,
            n_images=len(images),
            sets_left_out=[one.title for one in sets[SETS_AT_MOST:]],
            store={"images": images, "reasons": gallery.reasons, "scores": _face_scores(gathered)},
            claims=claims,
            verdicts=Counter(claim.verdict for claim in claims if claim.verdict),
            costs=_costs(spec.costs) if spec.costs else None,
            figures=[(path.stem, file_uri(path)) for path in spec.figures],
            seeds=[_all_seeds(table) for table in tables],
            records=records(tables, spec.places, spec.sets.chunks),
        )
    )
    write_text(target, page)


@dataclass(frozen=True)
class Claim:
    """One claim as the page shows it."""

    text: str
    verdict: str
    why: str
    compared: str
    """`clrface against unet`."""
    where: str
    """`idd_dlib, table1, orl`."""
    difference: Cell
    p: Cell
    effect: Cell
    n: Cell


def read_claims(path: Path) -> list[Claim]:
    """The claims of a json file: a list of entries, or such a list under the key `claims`. Any key
    of an entry may be absent.

    An entry's keys: `says` (or `text`, `claim`), `verdict`, `why`, `first` and `second` (or
    `method`, `rival`), `metric`, `table`, `dataset`, `degradation`, `difference` with
    `difference_lo` and `difference_hi` (or `low`, `high`), `p_holm` (or `p`), `effect`, `n`.

    Raises: UserError for anything else.
    """
    content = _read_json(path, "claims", "snakemake --cores all results/claims.csv")
    entries = content.get("claims") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path} holds no claims: expected a list of entries, or a list under the key 'claims'. Make it again.")
    return [_claim(entry) for entry in entries]


def _claim(entry: Mapping[str, Any]) -> Claim:
    def first(*keys: str) -> Any:
        return next((entry[key] for key in keys if entry.get(key) is not None), None)

    low, high = first("difference_lo", "low"), first("difference_hi", "high")
    interval = "" if low is None or high is None else f"[{_number(low)}, {_number(high)}]"
    rows = [str(row) for row in (first("first", "method"), first("second", "rival")) if row is not None]
    where = [str(entry[key]) for key in ("metric", "table", "dataset", "degradation") if entry.get(key)]
    numbers = (first("p_holm", "p"), first("effect"), first("n") or None)
    text, verdict, why = (str(first(*keys) or "") for keys in (("says", "text", "claim"), ("verdict",), ("why",)))
    difference = _number_cell(first("difference"), interval)
    return Claim(text, verdict, why, " against ".join(rows), ", ".join(where), difference, *map(_number_cell, numbers))


def _number_cell(value: float | None, interval: str = "") -> Cell:
    return Cell(_number(value), value, interval)


def _read_json(path: Path, what: str, maker: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"No {what} at {path}. Make it first: {maker}.") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}). Delete it and make it again: {maker}.") from None


def _blocks(table: Table) -> Iterator[Block]:
    for dataset, degradation, rows in table.blocks():
        columns = [[_cell(row, card, mark) for row, mark in zip(rows, marks(rows, card), strict=True)] for card in table.metrics]
        plots = [plot for card in table.metrics if (plot := interval_plot(rows, card))]
        lines = list(zip(rows, zip(*columns, strict=True), strict=True))
        about = f"{count(rows[0].n)}, {seeds_text(rows)}"
        yield Block(f"{table.name}-{dataset}-{degradation}", table.name, dataset, degradation, about, table.metrics, lines, plots)


def _cell(row: Row, card: MetricCard, mark: Mark) -> Cell:
    value, low, high = row.estimates[card.id]
    if math.isnan(value):
        return Cell(DASH, None)
    return Cell(format_value(value, card), value, f"[{format_value(low, card)}, {format_value(high, card)}]", mark)


def _gather(one: FaceSet, gallery: Gallery, n_sets: int, place: int) -> Gathered:
    card = case_metric(one)
    return Gathered(f"set{place}", one, sampled(one, gallery, n_sets), card, cases(one, card, gallery, n_sets) if card else ())


def _face_scores(gathered: Sequence[Gathered]) -> dict[str, list[str]]:
    """Image key to the face's scores as printed, in the order of the set's metrics."""
    return {
        f"{part.set.name}/{column}/{face}": [part.set.text(column, card, face) for card in part.set.metrics]
        for part in gathered
        for column in part.set.columns
        for face in part.faces
    }


def _costs(path: Path) -> dict[str, Any]:
    """The table of costs: what it is about, its heading, its cells."""
    from clrface.tables.costs import COLUMNS, LEGEND, Cost

    content = _read_json(path, "costs", "snakemake --cores all results/table6.csv")
    try:
        rows, about = [Cost(**row) for row in content["rows"]], dict(content["about"])
    except (TypeError, KeyError) as error:
        raise UserError(f"{path} is no table of costs as `clrface cost` writes it ({error}). Delete it, or make it again.") from None
    lines = [(row.label, [_cost_cell(show(row)) for show in COLUMNS.values()]) for row in rows]
    about |= {"processor": content.get("processor") or "not told"}
    return {"about": about, "columns": list(COLUMNS), "lines": lines, "legend": LEGEND}


def _cost_cell(text: str) -> Cell:
    return Cell(text, None if text == DASH else float(text.replace(",", "")))


def _environment() -> Environment:
    """The template's, with what it needs of the project.

    Style and script are the project's own, so they stand unescaped.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {
        "style": Markup((TEMPLATE / "page.css").read_text(encoding="utf-8")),
        "script": Markup((TEMPLATE / "page.js").read_text(encoding="utf-8")),
        "axis": (WIDTH, LEFT, RIGHT),
        "arrows": ARROWS,
        "better": {"higher": "higher is better", "lower": "lower is better"},
    }
    environment.filters |= {
        "checksums": lambda sets: {name: f"{one['sha256']}, {count(one['images'])}" for name, one in sets.items()},
        "heading": heading,
        "plain": _plain,
        "seconds": _seconds,
        "short": _short,
        "sortable": _sortable,
        "total": _total,
    }
    return environment


def _number(value: float | None) -> str:
    """A number of whatever size, in three digits."""
    if value is None:
        return DASH
    return str(value) if isinstance(value, int) else f"{value:.3g}".replace("-", "−")


def _plain(value: Any) -> str:
    """A setting in words: `identities 8, images_per_identity 1`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if value is None:
        return DASH
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _seconds(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def _short(text: str, most: int = 19) -> str:
    """A label that fits beside a plot.

    Of one that doesn't, what tells a variant from the others goes first: `Method (what differs)`.
    """
    if len(text) > most and text.endswith(")"):
        text = text[text.index("(") + 1 : -1] if "(" in text else text
    return text if len(text) <= most else text[: most - 1] + "…"


def _sortable(value: float | None) -> str:
    """A number as the page's script reads it; empty for what was not measured."""
    return "" if value is None else repr(value).replace("inf", "Infinity")


def _total(members: Sequence[Record]) -> float | None:
    """The run time of files together; None where one is unknown."""
    known = [one.seconds for one in members if one.seconds is not None]
    return sum(known) if len(known) == len(members) else None


def _all_seeds(table: Table) -> str:
    return seeds_text(list({row.method: row for row in table.rows}.values()))
