"""The plan: everything that a config asks for, typed, made once and never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from clrface.api import MethodCard, MetricCard
from clrface.claims import Claims, load_claims
from clrface.config.checks import validate_config
from clrface.config.load import leave_out, load_config
from clrface.config.rows import Row, all_rows, rows, table_datasets
from clrface.degradation.draw import Degradation
from clrface.errors import unknown_name
from clrface.external import has_cuda
from clrface.fetch.sources import Source
from clrface.metrics.protocols import laid_over
from clrface.paths import catalogued, preset
from clrface.plan.parts import Dataset, Study, Sweep, Table, Training
from clrface.plan.places import folder_in, place_of
from clrface.plan.stale import table_settings
from clrface.project import Project, needed_sources, read_project
from clrface.published import Published, load_published

DRAWN = "generated_train"
"""The set of training faces that a generator draws."""
Thing = TypeVar("Thing")


@dataclass(frozen=True, eq=False)
class Plan:
    """The content of a run.

    Plans are compared by identity, so that what was read for one is cached by it.
    """

    preset: str
    place: str
    """The folder of its files under data/ and results/ (clrface.plan.places)."""
    resolution: int
    template: str
    base_seed: int
    seeds: tuple[int, ...]
    device: str
    cuda: bool
    """Whether external programs find a CUDA device."""
    batch: int
    chunk: int
    weights: str
    bootstrap: int
    project: Project
    datasets: Mapping[str, Dataset]
    tables: Mapping[str, Table]
    shared_rows: tuple[Row, ...]
    """The rows that belong to no single table."""
    rows: Mapping[str, Row]
    """Every row, each table's own too."""
    clrface: Mapping[str, Any]
    """CLR-Face's settings, as in its row without own changes."""
    sweeps: Mapping[str, Sweep]
    cost: Study
    cost_rounds: int
    mask_maps: Study
    training: Training
    shipped: "Shipped"
    claims: Claims
    published: Mapping[str, list[Published]]
    """By protocol."""
    needed: tuple[str, ...]
    """The sources that everything needs."""

    @property
    def data(self) -> str:
        """Return the folder of its faces."""
        return folder_in("data", self.place)

    @property
    def results(self) -> str:
        """Return the folder of its results."""
        return folder_in("results", self.place)

    @property
    def trained(self) -> str:
        """Return the commands' argument for weights: `weights`, or the folder where this run trains
        them, if not the default's.
        """
        return f"{self.results}/train" if self.fits and self.place else self.weights

    @property
    def fits(self) -> bool:
        """Return whether this run trains the weights that it uses."""
        return self.weights == "fit"

    @property
    def gpus(self) -> int:
        """Return the number of GPUs that a job of a network asks for."""
        return int(self.cuda or self.device == "mps")

    @property
    def metrics(self) -> list[str]:
        """Return every metric of some table, each once."""
        return list(dict.fromkeys(name for table in self.tables.values() for name in table.metrics))

    def dataset(self, name: str) -> Dataset:
        """Return a test set. Raises: UserError with the nearest name, as the other look-ups do."""
        return _named("test set", name, self.datasets)

    def table(self, name: str) -> Table:
        return _named("table", name, self.tables)

    def row(self, name: str) -> Row:
        return _named("row", name, self.rows)

    def sweep(self, name: str) -> Sweep:
        return _named("sweep", name, self.sweeps)

    def metric(self, name: str) -> MetricCard:
        return _named("metric", name, self.project.metrics)

    def degradation(self, name: str) -> Degradation:
        return _named("degradation", name, self.project.degradations)

    def source(self, name: str) -> Source:
        return _named("source", name, self.project.sources)

    def card(self, row: Row) -> MethodCard | None:
        """Return the card of a row's method; None for a folder of finished images."""
        return self.project.known.methods[row.method] if row.method else None

    def row_seeds(self, row: Row) -> tuple[int, ...]:
        """Return the seeds of a row: one for a deterministic method."""
        card = self.card(row)
        return self.seeds if card and card.stochastic else self.seeds[:1]

    def trained_rows(self, chosen: Iterable[Row] | None = None) -> list[tuple[Row, MethodCard]]:
        """Return the rows, of these or all, whose networks are trained here, with their cards."""
        found = self.rows.values() if chosen is None else chosen
        return [(row, card) for row in found if (card := self.card(row)) and card.trained_here]


@dataclass(frozen=True)
class Shipped:
    """How the weights in the project's models/ were trained."""

    resolution: int
    stages: Mapping[str, Mapping[str, Any]]


def read_plan(config: dict[str, Any]) -> Plan:
    """Make the plan of a merged config; entries that are null are removed from it.

    Raises: UserError for a config, or a file of the project, with mistakes.
    """
    leave_out(config)
    project = read_project()
    validate_config(config, project.known)
    project = replace(project, protocols=laid_over(project.protocols, config))
    shipped = load_config([preset()])
    return make_plan(
        config,
        project,
        load_claims(catalogued("claims.yaml"), project.metrics, config["tables"]),
        load_published(catalogued("published.yaml")),
        Shipped(shipped["resolution"], shipped["training"]["stages"]),
        place_of(config, shipped, preset().parent),
    )


def make_plan(
    config: Mapping[str, Any],
    project: Project,
    claims: Claims,
    published: Mapping[str, list[Published]],
    shipped: Shipped,
    place: str = "",
) -> Plan:
    """Make the plan of a checked config.

    Raises: UserError for a protocol with an unknown metric.
    """
    methods = project.known.methods
    return Plan(
        preset=config["preset"],
        place=place,
        resolution=config["resolution"],
        template=config["template"],
        base_seed=config["base_seed"],
        seeds=tuple(config["seeds"]),
        device=config["device"],
        cuda=has_cuda(config["device"]),
        batch=config["batch"],
        chunk=config["chunk"],
        weights=config["weights"],
        bootstrap=config["bootstrap"],
        project=project,
        datasets={name: _dataset(name, entry, project) for name, entry in config["datasets"].items()},
        tables={name: _table(name, config, project) for name in config["tables"]},
        shared_rows=tuple(rows(config, methods)),
        rows={row.name: row for row in all_rows(config, methods)},
        clrface=methods["clrface"].params | config["clrface"],
        sweeps={name: _sweep(name, entry, config["seeds"]) for name, entry in config["sweeps"].items()},
        cost=_study(config["cost"]),
        cost_rounds=config["cost"]["rounds"],
        mask_maps=_study(config["mask_maps"]),
        training=_training(config["training"], project),
        shipped=shipped,
        claims=claims,
        published=published,
        needed=tuple(needed_sources(config, project)),
    )


def _dataset(name: str, entry: Mapping[str, Any], project: Project) -> Dataset:
    source = project.sources.get(name)
    listed = source.listed if source else ""
    if name in project.known.manifests:
        return Dataset(name, entry, comes_as=source.template if source else "", listed=listed)
    fetched = source if name in project.known.sets else None
    return Dataset(name, entry, fetched, comes_as="ffhq" if fetched and fetched.aligned else "", listed=listed)


def _table(name: str, config: Mapping[str, Any], project: Project) -> Table:
    entry = config["tables"][name]
    protocol = entry.get("protocol", config["protocol"])
    metrics = project.protocols[protocol]["metrics"]
    for metric in metrics:
        _named("metric", metric, project.metrics)
    datasets, degradations = table_datasets(config, name), entry["degradations"]
    chosen, settings = rows(config, project.known.methods, name), table_settings(config, project.known.methods, name)
    return Table(name, tuple(datasets), tuple(degradations), protocol, tuple(metrics), tuple(chosen), settings)


def _study(entry: Mapping[str, Any]) -> Study:
    return Study(entry["dataset"], entry["degradation"], entry.get("images"), tuple(entry.get("metrics", ())))


def _sweep(name: str, entry: Mapping[str, Any], seeds: list[int]) -> Sweep:
    chosen = tuple(entry.get("seeds", seeds[:1]))
    return Sweep(name, _study(entry), entry["grid"], entry.get("base", {}), entry["along"], chosen)


def _training(entry: Mapping[str, Any], project: Project) -> Training:
    drawing = entry.get("generated")
    return Training(
        datasets=(_dataset(entry["dataset"], {}, project), *([Dataset(DRAWN, {}, drawn=drawing["count"])] if drawing else [])),
        drawing=drawing,
        degradation=entry["degradation"],
        seed=entry["seed"],
        workers=entry["workers"],
        precision=entry["precision"],
        processes=entry["processes"],
        compiled=entry["compile"],
        stages=entry["stages"],
    )


def _named(kind: str, name: str, things: Mapping[str, Thing]) -> Thing:
    if name not in things:
        raise unknown_name(kind, name, things)
    return things[name]
