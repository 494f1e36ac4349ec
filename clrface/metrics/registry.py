"""Metrics by name: a metric is a file `clrface/metrics/<id>.py` with a literal `CARD` and a class `Metric`.

Cards are read without importing anything, so the workflow can ask for them while it builds its graph.
"""

import ast
from importlib import import_module
from pathlib import Path

from clrface.api import ImageMetric, MetricCard, SetMetric
from clrface.errors import UserError, unknown_name

FOLDER = Path(__file__).resolve().parent


def metric_cards() -> dict[str, MetricCard]:
    """Every metric's card by id, sorted. Raises: UserError for a file whose card is wrong."""
    found = {path.stem: _card(path) for path in sorted(FOLDER.glob("*.py"))}
    return {name: card for name, card in found.items() if card is not None}


def metric_card(metric_id: str) -> MetricCard:
    """One metric's card. Raises: UserError for an unknown id, with the nearest one."""
    cards = metric_cards()
    if metric_id not in cards:
        raise unknown_name("metric", metric_id, cards)
    return cards[metric_id]


def metric_modules(metric_id: str) -> tuple[str, str]:
    """The modules whose code a score depends on, for `clrface.fingerprint.fingerprint`."""
    card = metric_card(metric_id)
    step = "recognise" if card.against == "gallery" else "measure"
    return f"clrface.metrics.{step}", f"clrface.metrics.{card.id}"


def load_metric(metric_id: str, sources: Path, cache: Path | None = None) -> ImageMetric | SetMetric:
    """A fresh metric that reads its weights from `sources` (data/raw), and keeps features in the folder `cache` if it can.

    Not for metrics of recognition: clrface.metrics.recognise makes those from a comparison of faces.

    Raises: UserError for an unknown id or missing weights.
    """
    kind = import_module(metric_modules(metric_id)[1]).Metric
    return kind(sources, cache=cache) if metric_card(metric_id).cached else kind(sources)


def _card(path: Path) -> MetricCard | None:
    """The card in a file, None for a module that has none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CARD"]:
            return _checked(path, node.value)
    return None


def _checked(path: Path, node: ast.expr) -> MetricCard:
    try:
        card = MetricCard(**ast.literal_eval(node))
    except (ValueError, TypeError) as error:
        raise UserError(f"CARD in {path} must be a literal dict with clrface.api.MetricCard's fields ({error}). Correct it.") from error
    if card.id != path.stem:
        raise UserError(f"CARD in {path} has the id '{card.id}', but the file's name says '{path.stem}'. Make them the same.")
    return card
