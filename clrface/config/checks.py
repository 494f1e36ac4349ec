"""Check a whole config: the schema, then what a schema can't express."""

import itertools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from clrface.api import MethodCard
from clrface.config.load import entries_of
from clrface.config.messages import KeyPath, Mistake, allowed_names, is_list, is_mapping, tell_mistakes, wrong_name
from clrface.config.parts import value_of
from clrface.config.rows import params_of
from clrface.config.schema import Known, find_mistakes, schema_for
from clrface.config.tables import Table
from clrface.renamed import METHODS
from clrface.schedule import pixel_steps_problem, steps_problem

COSTS = ("evaluations", "seconds")
"""The columns of a sweep that hold a point's cost."""
TAKEN = ("overview", "mask", "losses", "table6", "claims", "weights")
FIGURES = ("samples", "failures", "chart", "roc")
"""Of a table: results/figures/<table>_<figure>.png and .pdf."""
TAKEN_FOLDERS = (
    *("aligned", "degraded", "downloads", "external", "gallery", "raw", "training"),
    *("benchmarks", "cache", "figures", "logs", "metrics", "reference", "restored", "scores", "train"),
)
"""Of data/ and results/, where a preset has a folder of its name."""
TAKEN_NAME = "another result's files have this name. Choose another."


def validate_config(config: Mapping[str, Any], known: Known, folder: Path = Path()) -> None:
    """Check a merged config: its keys, types, ranges and names, and that the folders it names exist, relative to `folder`.

    Raises: one UserError with a line for each mistake, in the order of the config's keys. A line gives the key's
    path, what was found, what is allowed and, for a name, the nearest one.
    """
    mistakes = find_mistakes(config, schema_for(config, known), folder)
    mistakes += _unknown_entries(config, "methods", known.methods, "For images restored elsewhere")
    mistakes += _unknown_entries(config, "datasets", known.test_sets, "For a test set of your own")
    mistakes += _taken_names(config, known, [path for path, _ in mistakes])
    mistakes += [(("preset",), TAKEN_NAME)] if config.get("preset") in TAKEN_FOLDERS else []
    mistakes += _wrong_sizes(config, known)
    mistakes += _wrong_sweeps(config)
    mistakes += _without_truth(config, known)
    mistakes = mistakes or [*_wrong_steps(config, known), *_uneven_batches(config)]
    tell_mistakes("The config", config, mistakes)


def _unknown_entries(config: Mapping[str, Any], key: str, names: Collection[str], otherwise: str) -> list[Mistake]:
    """Return the entries under a key with neither a known name nor a folder."""
    unknown = [name for name, entry in entries_of(config, key).items() if name not in names and not _has_folder(entry)]
    return [((key, name), f"unknown name.{allowed_names(name, sorted(names))} {otherwise}: {{folder: path}}.") for name in unknown]


def _has_folder(entry: object) -> bool:
    return isinstance(entry, Mapping) and "folder" in entry


def _taken_names(config: Mapping[str, Any], known: Known, wrong: Collection[KeyPath]) -> list[Mistake]:
    """Find variants with the name of a method, or of another variant with other parameters.

    The same variant may stand twice. Variants with a mistake, at a path in `wrong`, are left out.
    """
    methods = {*entries_of(config, "methods"), *known.methods, *METHODS.names}
    mistakes: list[Mistake] = []
    seen: dict[str, tuple[KeyPath, Any]] = {}
    for path, entry in _variants(config).items():
        name = path[-1]
        if any(other[: len(path)] == path for other in wrong):
            continue
        if name in methods:
            mistakes.append((path, "a method has this name. Choose another."))
        elif seen.setdefault(name, (path, entry))[1] != entry:
            other, what = seen[name]
            mistakes.append((path, f"{'.'.join(other)} has this name with other parameters: {what}. Choose another name."))
    return mistakes


def _variants(config: Mapping[str, Any]) -> dict[KeyPath, Mapping[str, Any]]:
    """Return each variant by its path, every table's own too."""
    tables = {table: entry for table, entry in entries_of(config, "tables").items() if is_mapping(entry)}
    places: dict[KeyPath, Mapping[str, Any]] = {("variants",): entries_of(config, "variants")}
    places |= {("tables", table, "variants"): entries_of(entry, "variants") for table, entry in tables.items()}
    return {(*place, name): entry for place, entries in places.items() for name, entry in entries.items() if is_mapping(entry)}


def _wrong_sizes(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Find rows of methods of one size alone, where the config's is another."""
    named: dict[KeyPath, str] = {("methods", name): name for name in entries_of(config, "methods")}
    named |= {path: next(iter(entry), "") for path, entry in _variants(config).items()}
    found = config.get("resolution")
    text = "this method takes images of {0} pixels alone, but resolution is {1}. {2}"
    return [
        (path, text.format(card.resolution, found, _other_size(card)))
        for path, name in named.items()
        if (card := known.methods.get(name)) and card.resolution not in (0, found)
    ]


def _other_size(card: MethodCard) -> str:
    """Say what to do about a method of one size alone."""
    if card.unable:
        return f"At that size it can't run either ({card.unable}): leave it out."
    return f"Set `resolution: {card.resolution}`, or leave it out."


def _wrong_steps(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Find rows and sweeps, of an otherwise valid config, whose steps no sampler can take."""
    shared: dict[KeyPath, str] = {("methods", name): name for name, entry in config["methods"].items() if "folder" not in entry}
    asked = {path: (name, params_of(config, known.methods[name])) for path, name in shared.items()}
    for path, entry in _variants(config).items():
        [(name, changes)] = entry.items()
        asked[path] = (name, params_of(config, known.methods[name]) | changes)
    mistakes = [
        (path, problem) for path, (name, params) in asked.items() if (problem := _steps_problem(known.methods[name].family, params))
    ]
    for name, sweep in config["sweeps"].items():
        base = {**known.methods["clrface"].params, **config["clrface"], **sweep.get("base", {})}
        points = [dict(zip(sweep["grid"], values, strict=True)) for values in itertools.product(*sweep["grid"].values())]
        problems = [problem for point in points if (problem := _steps_problem("clrface", base | point))]
        mistakes += [(("sweeps", name, "grid"), problem) for problem in problems[:1]]
    return mistakes


def _steps_problem(family: str, params: Mapping[str, Any]) -> str:
    if family == "clrface":
        return steps_problem(params["start"], params["t0"], params["steps"])
    if family == "pixel_diffusion" and {"total_steps", "steps"} <= params.keys():
        return pixel_steps_problem(params["total_steps"], params["steps"])
    return ""


def _uneven_batches(config: Mapping[str, Any]) -> list[Mistake]:
    """Find training stages whose batch the processes can't share evenly.

    The mean over the processes would not be the batch's.
    """
    processes = config["training"]["processes"]
    return [
        (
            ("training", "stages", name, "batch"),
            f"found {stage['batch']}, which {processes} processes can't share. Give a multiple.",
        )
        for name, stage in config["training"]["stages"].items()
        if stage["batch"] % processes
    ]


def _without_truth(config: Mapping[str, Any], known: Known) -> list[Mistake]:
    """Find references without ground truth, and tables that need it of a set without."""
    datasets = {name: entry for name, entry in entries_of(config, "datasets").items() if is_mapping(entry)}
    lacking = [name for name, entry in datasets.items() if "reference" in entry]
    mistakes: list[Mistake] = [
        (("datasets", name, "reference"), f"'{datasets[name]['reference']}' has no ground truth either. Name a set of clean faces.")
        for name in lacking
        if datasets[name]["reference"] in lacking
    ]
    seeing = [name for name in entries_of(config, "methods") if name in known.methods and known.methods[name].sees_truth]
    for table, entry in entries_of(config, "tables").items():
        asked = entry.get("datasets") if is_mapping(entry) else None
        without = [name for name in asked if name in lacking] if is_list(asked) else []
        wanted: Any = value_of(Table, entry, "methods") if without else []
        shown = [name for name in seeing if wanted == "all" or (is_list(wanted) and name in wanted)]
        if without and shown:
            text = f"{', '.join(shown)} shows the ground truth, and '{without[0]}' has none. List this table's `methods` without it."
            mistakes.append((("tables", table), text))
    return mistakes


def _wrong_sweeps(config: Mapping[str, Any]) -> list[Mistake]:
    """Find tables and sweeps that would write each other's files, and sweeps whose figure lacks its
    axis.
    """
    mistakes: list[Mistake] = []
    tables = entries_of(config, "tables")
    taken = {*TAKEN, *(f"{table}_{figure}" for table in tables for figure in FIGURES)}
    mistakes += [(("tables", name), TAKEN_NAME) for name in tables if name in TAKEN]
    for name, sweep in entries_of(config, "sweeps").items():
        if name in taken or name in tables:
            mistakes.append((("sweeps", name), TAKEN_NAME))
        grid: Mapping[Any, Any] = entries_of(sweep, "grid") if is_mapping(sweep) else {}
        axes = [*(key for key, values in grid.items() if _are_numbers(values)), *COSTS] if grid else []
        if axes and sweep.get("along") not in axes:
            along = sweep.get("along")
            mistakes.append(wrong_name(("sweeps", name, "along"), along, "a column", axes))
    return mistakes


def _are_numbers(values: object) -> bool:
    return is_list(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
