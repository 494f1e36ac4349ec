"""Find metrics by id. A family is one module with literal `CARDS` and the classes that they name.

The families are the modules of this folder, and those of other packages, named by entry points of
the group `clrface.metrics`. Cards are read without importing the modules, so that the workflow can
read them while it builds its graph.

A metric's fingerprint covers its family's module without `CARDS`, its own card, and its card's
network. So an edit of one card reruns that metric alone. An edit of a class, or of `SHARED`, reruns
the family.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from clrface.api import ImageMetric, MetricCard, MetricCode, SetMetric
from clrface.cards.literals import assigned, check_card, classes, misspelt, module_of
from clrface.cards.plug_ins import package_of, plug_in_file
from clrface.errors import UserError, unknown_name

FOLDER = Path(__file__).resolve().parent
NETWORKS = "clrface.metrics.networks"
GROUP = "clrface.metrics"
STEPS = {"gallery": "clrface.evaluation.recognise"}
"""The module that runs a metric, by its card's `against`; `MEASURE` runs all others."""
MEASURE = "clrface.evaluation.measure"


@dataclass(frozen=True)
class Found:
    """A metric as its family's file describes it."""

    card: MetricCard
    code: MetricCode
    module: str
    path: Path


def metric_cards() -> dict[str, MetricCard]:
    """Return every metric's card by id, sorted.

    Raises: UserError for a file whose cards are wrong, and for two metrics of one id.
    """
    return {name: found.card for name, found in _metrics().items()}


def metric_card(metric_id: str) -> MetricCard:
    """Return one metric's card. Raises: UserError for an unknown id, with the nearest one."""
    return _metric(metric_id).card


def code_of(metric_id: str) -> MetricCode:
    """Return the part of a metric's card that describes its code.

    Raises: UserError, as `metric_card`.
    """
    return _metric(metric_id).code


def metric_modules(metric_id: str) -> tuple[str, ...]:
    """Return what a score depends on, for `clrface.fingerprint.fingerprint`.

    These are the modules of the step, of the family with this card, and of the network.
    """
    found = _metric(metric_id)
    network = (_network_name(found.code.network),) if found.code.network else ()
    return STEPS.get(found.card.against, MEASURE), f"{found.module}:{metric_id}", *network


def metric_class(metric_id: str) -> Any:
    """Import a metric's class. Raises: UserError, as `metric_card`."""
    found = _metric(metric_id)
    return getattr(import_module(found.module), found.code.class_name)


def load_metric(metric_id: str, sources: Path, cache: Path | None = None) -> ImageMetric | SetMetric:
    """Make a metric.

    Metrics of recognition are made from a comparison of faces: see clrface.evaluation.recognise.

    Args:
        sources: the folder of fetched sources (data/raw).
        cache: a folder in which features are kept, for a metric that can.

    Raises: UserError for an unknown id or missing weights.
    """
    found = _metric(metric_id)
    options = dict(found.code.params)
    if found.code.network:
        options["network"] = network(found.code.network)
    if found.card.cached:
        options["cache"] = cache
    return metric_class(metric_id)(sources, **options)


def network(name: str) -> ModuleType:
    """Import the module of a card's network. A name with a dot is another package's module."""
    return import_module(_network_name(name))


def read_families(folder: Path = FOLDER) -> dict[str, Found]:
    """Return the metrics of a folder's modules by id; for this package's own folder, those of other
    packages too.

    Raises: UserError for a file whose cards are wrong, and for two metrics of one id.
    """
    found: dict[str, Found] = {}
    for module, path, said in _families(folder):
        for one in read_family(path, module, said):
            other = found.get(one.card.id)
            if other is not None:
                raise UserError(f"Two metrics have the id '{one.card.id}': one in {other.path}, one in {path}{said}. Rename one of them.")
            found[one.card.id] = one
    return dict(sorted(found.items()))


def read_family(path: Path, module: str, said: str = "") -> list[Found]:
    """Return the metrics of one file; none for a module without `CARDS`.

    Args:
        said: whose file it is, for the messages, where it is another package's.

    Raises: UserError for cards that are no literal dicts, an unknown key, and a class that the
    module lacks.
    """
    tree = module_of(path)
    node = assigned(tree, "CARDS")
    if node is None:
        if near := misspelt(tree, "CARDS"):
            raise UserError(f"{path}{said} has {near}, but no CARDS. A metric's module has CARDS, a tuple of literal dicts: rename it.")
        return []
    cards, shared = _literal(node, "CARDS", path), {}
    if (common := assigned(tree, "SHARED")) is not None:
        shared = _literal(common, "SHARED", path)
    if not isinstance(cards, tuple | list) or not cards or not all(isinstance(card, dict) for card in (*cards, shared)):
        raise UserError(f"CARDS in {path}{said} must be a tuple of literal dicts, one a metric. See docs/how-to/add-a-metric.md.")
    return [_found(shared | card, tree, path, module, said) for card in cards]


def _found(card: Mapping[str, Any], tree: ast.Module, path: Path, module: str, said: str) -> Found:
    where = f"the card '{card.get('id', '?')}' in {path}{said}"
    check_card(card, (MetricCard, MetricCode), where)
    if card["class_name"] not in classes(tree):
        raise unknown_name(f"class of {where}:", card["class_name"], _defined(tree))
    ours = {one.stem for one in (FOLDER / "networks").glob("*.py")} - {"__init__"}
    name = card.get("network", "")
    if name and "." not in name and name not in ours:
        raise unknown_name(f"network of {where}:", name, ours)
    told = {**card, "assets": tuple(card.get("assets", ()))}
    about, code = ({one.name: told[one.name] for one in fields(kind) if one.name in told} for kind in (MetricCard, MetricCode))
    return Found(MetricCard(**about), MetricCode(**code), module, path)


def _literal(node: ast.expr, name: str, path: Path) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise UserError(f"{name} in {path} must be literals: no calls, no names ({error}). See docs/how-to/add-a-metric.md.") from error


def _defined(tree: ast.Module) -> list[str]:
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]


def _families(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Return each family's module, file and, for another package's, owner."""
    for path in sorted(folder.glob("*.py")):
        yield f"{GROUP}.{path.stem}", path, ""
    for point in entry_points(group=GROUP) if folder == FOLDER else ():
        path = plug_in_file(point, f"its metrics '{point.name}'")
        if assigned(module_of(path), "CARDS") is None:
            raise UserError(f"{path} (package {package_of(point)}, entry point {GROUP}) has no CARDS. See docs/how-to/add-a-metric.md.")
        yield point.value, path, f" (package {package_of(point)})"


@cache
def _metrics() -> Mapping[str, Found]:
    return read_families()


def _metric(metric_id: str) -> Found:
    if metric_id not in _metrics():
        raise unknown_name("metric", metric_id, _metrics())
    return _metrics()[metric_id]


def _network_name(name: str) -> str:
    return name if "." in name else f"{NETWORKS}.{name}"
