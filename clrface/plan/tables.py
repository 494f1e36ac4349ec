"""Tables: the scores that they are made of, and their command's JSON."""

from collections.abc import Collection
from functools import cache

from clrface.config.rows import Row
from clrface.errors import UserError
from clrface.finished import checksum
from clrface.plan.datasets import chunk_names, degraded_chunks
from clrface.plan.measuring import recognises
from clrface.plan.parts import Table
from clrface.plan.plan import Plan
from clrface.plan.restoring import restored_folder, submitted
from clrface.published import of_blocks
from clrface.tables.request import RowSpec, TableRequest
from clrface.weights import local_folder

FAILURES_BY = "idd_dlib"
"""The metric by which failure cases are chosen: clrface.report.faces.PREFERRED, whose module would
import matplotlib.
"""


def score_files(plan: Plan, table: str) -> list[str]:
    """Return every score file of a table."""
    found = plan.table(table)
    return [
        f"{plan.results}/scores/{dataset}/{degradation}/{row.name}/{seed}/{metric}.csv"
        for dataset, degradation in found.blocks
        for row in found.rows
        for seed in plan.row_seeds(row)
        for metric in found.metrics
        if plan.dataset(dataset).has_truth or not plan.metric(metric).needs_truth
    ]


def table_degraded(plan: Plan, table: str) -> list[str]:
    """Return the low-quality sets of a table, whose checksums it states."""
    return [chunk for block in plan.table(table).blocks for chunk in degraded_chunks(plan, *block)]


@cache
def table_restored(plan: Plan, table: str) -> list[str]:
    """Return every restored chunk that a sheet of faces may show."""
    found = plan.table(table)
    return [
        f"{restored_folder(plan, dataset, degradation, row)}/{chunk}"
        for dataset, degradation in found.blocks
        for row in found.rows
        for chunk in chunk_names(plan, dataset)
    ]


def table_spec(plan: Plan, table: str) -> str:
    """Return a table as the command's JSON."""
    found = plan.table(table)
    return TableRequest(
        rows=_rows(plan, found),
        metrics=found.metrics,
        cards={row.name: (row.method, row.label) for row in found.rows if row.method},
        weights=_weights(plan, found),
        submissions={row.name: _submission(plan, row) for row in found.rows if row.folder},
        chunks={dataset: chunk_names(plan, dataset) for dataset in found.datasets},
        protocol=found.protocol,
        preset=plan.preset,
        resolution=plan.resolution,
        base_seed=plan.base_seed,
        n_boot=plan.bootstrap,
        device=plan.device,
        datasets={dataset: plan.dataset(dataset).entry for dataset in found.datasets},
        settings=found.settings,
        published=tuple(of_blocks(plan.published.get(found.protocol, ()), found.blocks, found.metrics)),
    ).to_json()


def _rows(plan: Plan, table: Table) -> tuple[RowSpec, ...]:
    return tuple(
        RowSpec(row.name, dataset, degradation, plan.row_seeds(row), plan.dataset(dataset).has_truth)
        for dataset, degradation in table.blocks
        for row in table.rows
    )


def _submission(plan: Plan, row: Row) -> dict[str, str]:
    """What is known of a row of finished images, and a checksum of them."""
    return {**row.about, "label": row.label, "images": checksum(submitted(plan, row))}


def _weights(plan: Plan, table: Table) -> dict[str, str]:
    """Return the folders of the weights of a table's rows, whose checksums it states."""
    families = dict.fromkeys(card.family for _, card in plan.trained_rows(table.rows))
    if plan.fits:
        return {family: f"{plan.results}/train/{family}" for family in families}
    return {family: str(folder) for family in families if (folder := local_folder(plan.weights, family))}


# ---- which tables, which files


def recognition_tables(plan: Plan) -> list[str]:
    """Return the tables with a figure of operating curves."""
    return [table.name for table in plan.tables.values() if any(recognises(plan, metric) for metric in table.metrics)]


def identity_tables(plan: Plan) -> list[str]:
    """Return the tables that measure identity face by face, by which failure cases are chosen."""
    return [table.name for table in plan.tables.values() if FAILURES_BY in table.metrics]


def table_figures(plan: Plan, table: str) -> list[str]:
    """Return the figures of a table."""
    kinds = {"samples": True, "failures": table in identity_tables(plan), "chart": True, "roc": table in recognition_tables(plan)}
    return [f"{plan.results}/figures/{table}_{kind}.png" for kind, there in kinds.items() if there]


def table_files(plan: Plan, tables: Collection[str]) -> list[str]:
    """Return tables and their figures."""
    return [f"{plan.results}/{table}.csv" for table in tables] + [path for table in tables for path in table_figures(plan, table)]


def table1_files(plan: Plan) -> list[str]:
    """Return the first table and its figures. Raises: UserError where the config leaves it out."""
    if "table1" not in plan.tables:
        raise UserError(f"This config leaves table1 out (`tables: {{table1: null}}`). It makes {', '.join(plan.tables)}.")
    return table_files(plan, ["table1"])
