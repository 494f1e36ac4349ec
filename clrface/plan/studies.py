"""Studies of CLR-Face: sweeps over its settings, its costs beside the other rows', its mask."""

import json
from collections.abc import Iterable
from typing import Any

from clrface.config.rows import Row
from clrface.fingerprint import fingerprint
from clrface.metrics.registry import metric_modules
from clrface.plan.datasets import aligned_chunks, degraded_chunks
from clrface.plan.parts import Study
from clrface.plan.plan import Plan
from clrface.plan.restoring import row_code, row_stages, weights_digest
from clrface.plan.training import record
from clrface.plan.words import joined, short_digest, source_record
from clrface.stages import METHOD_OF, needs, stages_of


def study_inputs(plan: Plan, study: Study) -> dict[str, list[str]]:
    """Return the faces, sources and weights that a study of CLR-Face reads."""
    measured = {source for metric in study.metrics for source in plan.metric(metric).assets}
    return _inputs(plan, study, {"dlib", "sface"} | measured, stages_of("clrface"))


def _inputs(plan: Plan, study: Study, sources: Iterable[str], stages: Iterable[str]) -> dict[str, list[str]]:
    needed = {
        "aligned": aligned_chunks(plan, study.dataset),
        "degraded": degraded_chunks(plan, study.dataset, study.degradation),
        "sources": [source_record(name) for name in sorted(sources)],
    }
    return needed | ({"weights": [record(plan, stage) for stage in stages]} if plan.fits else {})


def study_args(plan: Plan, study: Study) -> str:
    """Return the command's arguments that all studies share."""
    words = ["--dataset", study.dataset, "--weights", plan.trained]
    words += [] if study.images is None else ["--images", study.images]
    return joined([*words, "--device", plan.device])


def study_code(plan: Plan, modules: Iterable[str]) -> str:
    """Return a digest of a study's code and CLR-Face's weights."""
    return short_digest([fingerprint(*modules), weights_digest(plan, "clrface")])


def clrface_settings(plan: Plan) -> str:
    """Return CLR-Face's settings as the command's JSON."""
    return json.dumps(plan.clrface, sort_keys=True)


def mask_inputs(plan: Plan) -> dict[str, list[str]]:
    """Return the faces, sources and weights behind the mask's maps and the overview."""
    return study_inputs(plan, plan.mask_maps)


def mask_args(plan: Plan) -> str:
    """Return the arguments of those two commands."""
    return study_args(plan, plan.mask_maps)


# ---- sweeps


def sweep_inputs(plan: Plan, sweep: str) -> dict[str, list[str]]:
    """Return the faces, sources and weights that a sweep reads."""
    return study_inputs(plan, plan.sweep(sweep).study)


def sweep_args(plan: Plan, sweep: str) -> str:
    """Return the command's arguments for a sweep."""
    return study_args(plan, plan.sweep(sweep).study)


def sweep_spec(plan: Plan, sweep: str) -> str:
    """Return a sweep as the command's JSON. Its metrics are its own, not the protocol's."""
    found = plan.sweep(sweep)
    metrics = found.study.metrics
    modules = [module for name in metrics for module in metric_modules(name)]
    spec = {
        "grid": found.grid,
        "base": {**plan.clrface, **found.base},
        "metrics": metrics,
        "seeds": found.seeds,
        "base_seed": plan.base_seed,
        "n_boot": plan.bootstrap,
        "code": study_code(plan, ["clrface.study.sweep", *modules]),
    }
    return json.dumps(spec)


def sweep_figure_args(plan: Plan, sweep: str) -> str:
    """Return the command's arguments for a sweep's figure."""
    found = plan.sweep(sweep)
    return joined(["--along", found.along, "--grid", *found.grid, "--metrics", *found.study.metrics])


def tuning_sweeps(plan: Plan) -> list[str]:
    """Return the sweeps that chose the settings (config/tune.yaml)."""
    return [sweep.name for sweep in plan.sweeps.values() if sweep.tunes]


# ---- costs


def cost_rows(plan: Plan) -> list[Row]:
    """Return the rows whose cost is measured: those that run here, without controls and tables' own
    variants.
    """
    return [row for row in plan.shared_rows if (card := plan.card(row)) and not card.control and not card.external]


def cost_inputs(plan: Plan) -> dict[str, list[str]]:
    """Return the faces, sources and weights that those rows need."""
    measured = cost_rows(plan)
    sources = {source for row in measured if (card := plan.card(row)) for source in card.assets}
    stages = {stage for row, _ in plan.trained_rows(measured) for stage in row_stages(plan, row)}
    return _inputs(plan, plan.cost, sources, sorted(stages))


def cost_args(plan: Plan) -> str:
    """Return the command's arguments for the table of costs."""
    return study_args(plan, plan.cost)


def cost_spec(plan: Plan) -> str:
    """Return the rows of the table of costs as the command's JSON."""
    measured = cost_rows(plan)
    code = [fingerprint("clrface.study.cost", "clrface.tables.costs"), *(row_code(plan, row.name) for row in measured)]
    return json.dumps({"rows": [_cost_row(plan, row) for row in measured], "rounds": plan.cost_rounds, "code": code})


def _cost_row(plan: Plan, row: Row) -> dict[str, Any]:
    card = plan.card(row)
    assert card is not None  # cost_rows has rows of methods alone
    return {
        "row": row.name,
        "label": row.label,
        "method": row.method,
        "family": card.family,
        "params": row.params,
        "trained_here": card.trained_here,
        "stages": [(METHOD_OF[stage], stage) for stage in _stages_behind(plan, row)] if card.trained_here else [],
    }


def _stages_behind(plan: Plan, row: Row) -> list[str]:
    """Return a row's stages, and those that they started from or look through."""
    # The shipped weights had the shipped starts, whatever this config would train.
    trained = plan.training.stages if plan.fits else plan.shipped.stages
    stages, pending = set[str](), row_stages(plan, row)
    while pending:
        stage = pending.pop()
        stages.add(stage)
        pending += [before for before in needs(stage, trained[stage]["options"]) if before not in stages]
    return sorted(stages)


# ---- which files


def study_figures(plan: Plan) -> list[str]:
    """Return every study's figure."""
    sweeps = [sweep.name for sweep in plan.sweeps.values() if not sweep.tunes]
    return [f"{plan.results}/figures/{name}.png" for name in ["overview", "mask", *sweeps]]


def study_files(plan: Plan) -> list[str]:
    """Return every study's table and figure."""
    return [*study_figures(plan), f"{plan.results}/mask.csv"]
