"""Figures of tables: sheets of faces, failure cases and operating curves, as their commands' JSON."""

from collections.abc import Iterable

from clrface.config.rows import Row
from clrface.fingerprint import fingerprint
from clrface.metrics.registry import metric_modules
from clrface.plan.datasets import aligned_chunks, chunk_names, gallery_of, pair_list
from clrface.plan.measuring import recognises
from clrface.plan.plan import Plan
from clrface.plan.restoring import restored_folder
from clrface.plan.tables import table_restored
from clrface.plan.words import source_record
from clrface.report.requests import RocPanel, RocRow, SamplePanel, SetSpec, roc_panels_to_json, sample_panels_to_json


def sample_panels(plan: Plan, table: str) -> str:
    """Return a sheet's panels as the command's JSON: input, methods, ground truth."""
    found = plan.table(table)
    controls = [name for name, card in plan.project.known.methods.items() if card.control and not card.part_of]
    shown = [row for row in found.rows if row.method not in controls]
    return sample_panels_to_json(_sheet(plan, dataset, degradation, shown) for dataset, degradation in found.blocks)


def _sheet(plan: Plan, dataset: str, degradation: str, rows: Iterable[Row]) -> SamplePanel:
    aligned = f"{plan.data}/aligned/{dataset}"
    columns = {"Input": f"{plan.data}/degraded/{dataset}/{degradation}"}
    columns |= {row.label: restored_folder(plan, dataset, degradation, row) for row in rows}
    columns |= {"Ground truth": aligned} if plan.dataset(dataset).has_truth else {}
    return SamplePanel(f"{dataset}, {degradation}", aligned, chunk_names(plan, dataset), columns)


def table_sets(plan: Plan, table: str) -> str:
    """Return the test sets of a table's failure cases as the command's JSON."""
    return set_spec(plan, plan.table(table).datasets)


def set_spec(plan: Plan, datasets: Iterable[str]) -> str:
    """Return test sets as the command's JSON: their chunks, and the labels of input and ground
    truth.
    """
    doubles = {"@input": "input", "@truth": "ground_truth"}
    names = sorted(set(datasets))
    return SetSpec(
        chunks={dataset: chunk_names(plan, dataset) for dataset in names},
        same_as={column: row.name for column, method in doubles.items() for row in plan.rows.values() if row.method == method},
        without_truth=[name for name in names if not plan.dataset(name).has_truth],
    ).to_json()


# ---- operating curves


def roc_inputs(plan: Plan, table: str) -> dict[str, list[str]]:
    """Return the restored faces of a table, the galleries, and the sources of lists and of the
    recogniser.
    """
    datasets = plan.table(table).datasets
    listed = {plan.dataset(dataset).listed for dataset in datasets} - {""}
    sources = sorted(listed | set(plan.metric(_roc_metric(plan, table)).assets))
    return {
        "restored": table_restored(plan, table),
        "galleries": [folder for dataset in datasets for folder in gallery_of(plan, dataset)],
        "sources": [source_record(name) for name in sources],
    }


def roc_code(plan: Plan, table: str) -> str:
    """Return a digest of the code of the figure, and of the comparison and the recogniser behind
    it.
    """
    return fingerprint(*metric_modules(_roc_metric(plan, table)), "clrface.report.roc")


def roc_panels(plan: Plan, table: str) -> str:
    """Return the figure's panels as the command's JSON."""
    found = plan.table(table)
    panels = (_curves(plan, dataset, degradation, found.rows, _roc_metric(plan, table)) for dataset, degradation in found.blocks)
    return roc_panels_to_json(panels)


def _curves(plan: Plan, dataset: str, degradation: str, rows: Iterable[Row], metric: str) -> RocPanel:
    return RocPanel(
        title=f"{dataset}, {degradation}",
        rows=[_curve(plan, dataset, degradation, row) for row in rows],
        aligned=aligned_chunks(plan, dataset),
        gallery=gallery_of(plan, dataset),
        manifest=plan.dataset(dataset).manifest,
        metric=metric,
        pairs=pair_list(plan, dataset),
    )


def _curve(plan: Plan, dataset: str, degradation: str, row: Row) -> RocRow:
    card = plan.card(row)
    folder = restored_folder(plan, dataset, degradation, row)
    return RocRow(row.label, card is not None and card.control, [f"{folder}/{chunk}" for chunk in chunk_names(plan, dataset)])


def _roc_metric(plan: Plan, table: str) -> str:
    """Return the metric whose recogniser a table's curves use."""
    return next(name for name in plan.table(table).metrics if recognises(plan, name))
