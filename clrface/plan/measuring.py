"""Scores: what a metric compares, and its command's arguments."""

from functools import cache

from clrface.errors import UserError
from clrface.fingerprint import fingerprint
from clrface.metrics.registry import code_of, metric_modules
from clrface.plan.datasets import aligned_chunks, chunk_names, degraded_chunks, gallery_of, pair_list
from clrface.plan.plan import Plan
from clrface.plan.words import joined, source_record


def image_metrics(plan: Plan) -> list[str]:
    """Return the metrics of the tables with one value a face."""
    return [name for name in plan.metrics if plan.metric(name).level == "image"]


def set_metrics(plan: Plan) -> list[str]:
    """Return the metrics of the tables with one value for the whole set."""
    return [name for name in plan.metrics if plan.metric(name).level == "set" and not recognises(plan, name)]


def recognition_metrics(plan: Plan) -> list[str]:
    """Return the metrics of the tables that compare with photographs of known people."""
    return [name for name in plan.metrics if recognises(plan, name)]


def recognises(plan: Plan, metric: str) -> bool:
    """Return whether a metric recognises people."""
    return plan.metric(metric).against == "gallery"


def metric_inputs(plan: Plan, metric: str) -> list[str]:
    """Return the sources that a metric reads."""
    return [source_record(source) for source in plan.metric(metric).assets]


def restored_chunks(plan: Plan, dataset: str, degradation: str, row: str, seed: str) -> list[str]:
    """Return the folders of a row's restored faces."""
    place = f"{plan.results}/restored/{dataset}/{degradation}/{plan.row(row).name}/{seed}"
    return [f"{place}/{chunk}" for chunk in chunk_names(plan, dataset)]


def reference_chunks(plan: Plan, dataset: str, degradation: str, metric: str) -> list[str]:
    """Return the folders of what a metric compares the restored faces with; see MetricCard.against.

    Raises: UserError for a metric of other people's clean faces, on a test set that has its own
    truth.
    """
    against = plan.metric(metric).against
    if against == "input":
        return degraded_chunks(plan, dataset, degradation)
    if against == "clean":
        found = plan.dataset(dataset)
        if found.has_truth:
            said = f"Metric '{metric}' compares '{dataset}' with another set of clean faces"
            raise UserError(f"{said}, and it names none: it has its own ground truth. Give its table another protocol.")
        return aligned_chunks(plan, found.entry["reference"])
    return aligned_chunks(plan, dataset)


def measure_args(plan: Plan, metric: str) -> str:
    """Return the command's arguments; only a set metric draws the bootstrap itself."""
    bootstrap = 0 if plan.metric(metric).level == "image" else plan.bootstrap
    return joined(["--base-seed", plan.base_seed, "--bootstrap", bootstrap])


def gpus(plan: Plan, metric: str) -> int:
    """Return the number of GPUs of a metric's job: none for a network on the CPU, or without a GPU."""
    return plan.gpus if code_of(metric).on_device else 0


@cache
def metric_code(_: Plan, metric: str) -> str:
    """Return a digest of a metric's code, which all rows share."""
    return fingerprint(*metric_modules(metric))


def recognise_inputs(plan: Plan, dataset: str) -> dict[str, list[str]]:
    """Return the gallery's folders, and the source of the list of pairs."""
    listed = plan.dataset(dataset).listed
    return {"gallery": gallery_of(plan, dataset), "pairs": [source_record(listed)] if listed else []}


def recognise_args(plan: Plan, dataset: str) -> str:
    """Return the command's arguments that say which photographs are compared."""
    listed = pair_list(plan, dataset)
    words = ["--gallery", *gallery_of(plan, dataset), "--manifest", plan.dataset(dataset).manifest]
    return joined([*words, *(["--pairs", listed] if listed else [])])
