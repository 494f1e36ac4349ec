"""The files behind `all` and its parts; and the nearest name for a mistyped file."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from clrface.errors import UserError, unknown_name
from clrface.external import FOLDER as EXTERNAL
from clrface.plan.places import folder_in
from clrface.plan.plan import Plan
from clrface.plan.studies import study_figures, study_files, tuning_sweeps
from clrface.plan.tables import table_figures, table_files
from clrface.plan.training import loss_figure

SINGLE = ("table6", "claims", "mask", "weights")
"""Results that belong neither to a table nor to a sweep."""
LAYOUTS = (
    "results/scores/{dataset}/{degradation}/{row}/{seed}/{metric}.replicates.csv",
    "results/scores/{dataset}/{degradation}/{row}/{seed}/{metric}.csv",
    "results/restored/{dataset}/{degradation}/{row}/{seed}/{chunk}",
    "results/metrics/{table}.json",
    "results/figures/{figure}.png",
    "results/figures/{figure}.pdf",
    "results/train/{method}/{stage}/training.json",
    *(f"results/{{result}}.{suffix}" for suffix in ("csv", "json", "md", "tex")),
    "data/degraded/{dataset}/{degradation}/{chunk}",
    "data/aligned/{dataset}/{chunk}",
    "data/gallery/{dataset}",
    "data/raw/{source}/SOURCE.json",
    "data/external/{program}/READY.json",
)
"""The files that a user may ask for by name, of the default's place."""
KINDS = {"dataset": "test set", "degradation": "degradation", "program": "external program", "stage": "training stage"}
"""The names of a layout's parts in messages, where they differ from the parts' own."""
SHARED = ("data/raw/", "data/external/")
"""Files that all presets share."""


def all_files(plan: Plan) -> list[str]:
    """Return everything except the training."""
    results = [f"{plan.results}/claims.csv", f"{plan.results}/report.html"]
    return [*table_files(plan, plan.tables), *figure_files(plan), *study_files(plan), *results]


def figure_files(plan: Plan) -> list[str]:
    """Return every figure except that of the training's losses."""
    return [path for table in plan.tables for path in table_figures(plan, table)] + study_figures(plan)


def tuning_files(plan: Plan) -> list[str]:
    """Return the figures of the sweeps that chose the settings."""
    return [f"{plan.results}/figures/{sweep}.png" for sweep in tuning_sweeps(plan)]


def check_names(plan: Plan, words: Iterable[str]) -> None:
    """Check the names in those of a command's arguments that are files of this project.

    Raises: UserError for an unknown name, with the nearest one, and for a file of another place
    than this config's.
    """
    names = _names(plan)
    for word in words:
        place, inner = _placed(word)
        if _parts(inner) and place != plan.place and not inner.startswith(SHARED):
            top, rest = inner.split("/", 1)
            raise UserError(
                f"{word} is of {_whose(place)}, and this config's files lie in {plan.data} and {plan.results}. "
                f"Ask for {folder_in(top, plan.place)}/{rest}, or give that preset's --configfile."
            )
        for part, name in _parts(inner).items():
            if part in names and name not in names[part]:
                raise unknown_name(KINDS.get(part, part), name, names[part])


def _placed(word: str) -> tuple[str, str]:
    """A file's place, and its path in the default's.

    >>> _placed("results/full/table1.csv"), _placed("results/table1.csv")
    (('full', 'results/table1.csv'), ('', 'results/table1.csv'))
    """
    top, _, rest = word.partition("/")
    place, _, inner = rest.partition("/")
    return (place, f"{top}/{inner}") if not _parts(word) and _parts(f"{top}/{inner}") else ("", word)


def _whose(place: str) -> str:
    return f"the place '{place}'" if place else "the default preset"


def _names(plan: Plan) -> dict[str, list[str]]:
    """Return the names that a layout's parts may have; a seed and a chunk have none."""
    return {
        "dataset": list(plan.datasets),
        "degradation": list(plan.project.degradations),
        "row": list(plan.rows),
        "metric": plan.metrics,
        "table": list(plan.tables),
        "figure": [PurePath(path).stem for path in [*figure_files(plan), *tuning_files(plan), loss_figure(plan)]],
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
