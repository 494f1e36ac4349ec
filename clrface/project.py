"""The project's own files, read once: methods, metrics, protocols, degradations, sources; and which
sources a config needs.

Nothing heavy is imported here: the workflow calls this while it builds its graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface import catalogue
from clrface.api import MetricCard
from clrface.config.checks import validate_config
from clrface.config.load import leave_out, run_config
from clrface.config.rows import all_rows
from clrface.config.schema import Known
from clrface.degradation.draw import Degradation, load_degradations
from clrface.errors import UserError
from clrface.fetch.sources import Source, load_sources, with_lists
from clrface.metrics.protocols import laid_over
from clrface.metrics.registry import metric_cards
from clrface.paths import preset, root
from clrface.registry import method_cards
from clrface.stages import GENERATOR
from clrface.stages import SOURCES as TRAINING_SOURCES
from clrface.strict_yaml import read_yaml


@dataclass(frozen=True)
class Project:
    """What a config may name."""

    known: Known
    sources: Mapping[str, Source]
    protocols: Mapping[str, Any]
    degradations: Mapping[str, Degradation]
    metrics: Mapping[str, MetricCard]


def read_project() -> Project:
    """Read the package's catalogue and cards. Raises: UserError for a file with mistakes."""
    sources = load_sources(catalogue.SOURCES, root())
    degradations = load_degradations(catalogue.DEGRADATIONS)
    protocols = read_yaml(catalogue.PROTOCOLS)
    metrics = metric_cards()
    known = Known(
        methods=method_cards(),
        protocols=list(protocols),
        degradations=list(degradations),
        manifests=[path.stem for path in sorted(catalogue.MANIFESTS.glob("*.csv"))],
        metrics=list(metrics),
        sets={name: source.faces for name, source in sources.items() if source.faces},
    )
    for degradation in degradations.values():
        for name in {degradation.source, degradation.dataset} - {*known.sets, ""}:
            raise UserError(f"Degradation '{degradation.name}' names '{name}': sources.yaml must have it, with `faces: test`.")
    return Project(known, sources, protocols, degradations, metrics)


def config_of(paths: Sequence[Path], project: Project) -> dict[str, Any]:
    """The checked config of a run with these files, as Snakemake's."""
    config = run_config(paths, preset())
    leave_out(config)
    validate_config(config, project.known)
    return config


def needed_sources(config: Mapping[str, Any], project: Project) -> list[str]:
    """The sources that everything a valid config can make needs, its training too where the weights
    are fitted.
    """
    names = {"dlib", *(name for name, entry in config["datasets"].items() if "folder" not in entry)}
    for row in all_rows(config, project.known.methods):
        names |= set(project.known.methods[row.method].assets if row.method else ())
    for metric in _metrics(config, project):
        names |= set(project.metrics[metric].assets)
    degradations = {degradation for table in config["tables"].values() for degradation in table["degradations"]}
    names |= {project.degradations[degradation].source for degradation in degradations} - {""}
    if config["weights"] == "fit":
        names |= {config["training"]["dataset"], *TRAINING_SOURCES, *([GENERATOR] if config["training"].get("generated") else [])}
    return with_lists(names, project.sources)


def _metrics(config: Mapping[str, Any], project: Project) -> set[str]:
    protocols, entries = (
        {table.get("protocol", config["protocol"]) for table in config["tables"].values()},
        laid_over(project.protocols, config),
    )
    named = {metric for sweep in config["sweeps"].values() for metric in sweep["metrics"]}
    return named | {metric for name in protocols for metric in entries[name]["metrics"]}
