"""What can be asked for: the files behind `all` and its parts, and a mistyped file's nearest name."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from clrface.errors import unknown_name
from clrface.external import FOLDER as EXTERNAL
from clrface.plan.page import LOSSES
from clrface.plan.plan import Plan
from clrface.plan.studies import study_figures, study_files, tuning_sweeps
from clrface.plan.tables import table_figures, table_files

SINGLE = ("table6", "claims", "mask", "codebook", "weights")
"""Results that are neither a table's nor a sweep's."""
LAYOUTS = (
    "results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.replicates.csv",
    "results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.csv",
    "results/restored/{dataset}/{recipe}/{row}/{seed}/{chunk}",
    "results/metrics/{table}.json",
    "results/figures/{figure}.png",
    "results/figures/{figure}.pdf",
    "results/train/{method}/{stage}/training.json",
    *(f"results/{{result}}.{suffix}" for suffix in ("csv", "json", "md", "tex")),
    "data/degraded/{dataset}/{recipe}/{chunk}",
    "data/aligned/{dataset}/{chunk}",
    "data/gallery/{dataset}",
    "data/raw/{source}/SOURCE.json",
    "data/external/{program}/READY.json",
)
"""The files that a user may ask for by name."""
KINDS = {"dataset": "test set", "recipe": "degradation recipe", "program": "external program", "stage": "training stage"}
"""What a layout's parts are called where their own name doesn't say it."""


def all_files(plan: Plan) -> list[str]:
    """Everything but the training."""
    results = ["results/claims.csv", "results/report.html"]
    return [*table_files(plan, plan.tables), *figure_files(plan), *study_files(plan), *results]


def figure_files(plan: Plan) -> list[str]:
    """Every figure but that of the training's losses."""
    return [path for table in plan.tables for path in table_figures(plan, table)] + study_figures(plan)


def tuning_files(plan: Plan) -> list[str]:
    """The figures of the sweeps that chose the settings."""
    return [f"results/figures/{sweep}.png" for sweep in tuning_sweeps(plan)]


def check_names(plan: Plan, words: Iterable[str]) -> None:
    """Check the names in those of a command's words that are files of ours.

    Raises: UserError for a name that the config doesn't know, with the nearest one.
    """
    names = _names(plan)
    for word in words:
        for part, name in _parts(word).items():
            if part in names and name not in names[part]:
                raise unknown_name(KINDS.get(part, part), name, names[part])


def _names(plan: Plan) -> dict[str, list[str]]:
    """The names that a layout's parts may have; a seed and a chunk have none."""
    return {
        "dataset": list(plan.datasets),
        "recipe": list(plan.project.recipes),
        "row": list(plan.rows),
        "metric": plan.metrics,
        "table": list(plan.tables),
        "figure": [PurePath(path).stem for path in [*figure_files(plan), *tuning_files(plan), LOSSES]],
        "stage": list(plan.training.stages),
        "result": [*plan.tables, *plan.sweeps, *SINGLE],
        "source": list(plan.project.sources),
        "program": [path.stem for path in EXTERNAL.glob("*.yaml")],
    }


def _parts(word: str) -> Mapping[str, str]:
    """The parts of a file's name by the first layout that it has; none for another word.

    >>> dict(_parts("data/aligned/orl/000"))
    {'dataset': 'orl', 'chunk': '000'}
    """
    for layout in LAYOUTS:
        if found := re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(layout)), word):
            return found.groupdict()
    return {}
