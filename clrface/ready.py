"""Methods that are ready to run from anywhere: sources fetched where they are missing, weights
found, loaded on a device.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clrface import paths
from clrface.api import MethodCard, Restorer
from clrface.catalogue import SOURCES
from clrface.errors import UserError

FIELD_SIZE, FIELD_TEMPLATE = 512, "ffhq"
"""How the field's methods want their faces."""


@dataclass(frozen=True)
class Ready:
    """A loaded method, with the size in pixels a side and the template of the faces that it was
    made for.
    """

    card: MethodCard
    method: Restorer
    size: int
    template: str


def ready(name: str, params: Mapping[str, Any], weights: str = "shipped", device: str = "auto") -> Ready:
    """Load a method.

    Raises: UserError for an unknown name or parameter, and for sources or weights that can't be
    had.
    """
    from clrface.device import pick_device
    from clrface.registry import make_method, method_card

    card = method_card(name)
    if card.control or card.external or card.sees_truth:
        kind = "an external program" if card.external else "a control of the tables"
        raise UserError(f"'{name}' is {kind}: it can't restore photographs. See `clrface list methods`.")
    method = make_method(name, dict(params))
    folder = _weights(weights, card.family) if card.trained_here else None
    size, template = _frame(card, folder)
    method.load(folder, pick_device(device), fetched(card.assets))
    return Ready(card, method, size, template)


def at_hand() -> list[str]:
    """The methods that can restore now, without a download: their weights lie here, and their
    sources are fetched.
    """
    from clrface.fetch.install import is_fetched
    from clrface.fetch.sources import load_sources
    from clrface.registry import method_cards

    known = load_sources(SOURCES, paths.root())
    cards = [card for card in method_cards().values() if not (card.control or card.external or card.sees_truth)]
    fetched_ones = [card for card in cards if all(is_fetched(known[name], paths.raw()) for name in card.assets)]
    return [card.name for card in fetched_ones if not card.trained_here or _has_weights(card.family)]


def _has_weights(family: str) -> bool:
    try:
        return any(_weights("shipped", family).rglob("*.safetensors"))
    except UserError:
        return False


def fetched(names: Iterable[str]) -> Path:
    """Fetch the sources that are missing; the folder that they lie in."""
    from clrface.fetch.install import fetch, is_fetched
    from clrface.fetch.sources import load_sources

    known = load_sources(SOURCES, paths.root())
    for name in names:
        if not is_fetched(known[name], paths.raw()):
            print(f"Fetching {name}, once, into {paths.raw() / name} ...", file=sys.stderr, flush=True)
            fetch(name, known, paths.raw(), paths.downloads())
    return paths.raw()


def _weights(weights: str, family: str) -> Path:
    from clrface.weights import shipped_folder, weights_folder

    if weights != "shipped":
        return weights_folder(weights, family)
    folder = shipped_folder(family)
    if paths.home() is None and not folder.is_dir():
        raise UserError(
            f"The weights of '{family}' come with the project's folder, and {Path.cwd()} lies outside of one. "
            "Name the folder that holds them: --weights /path/to/clrface-bench/models"
        )
    return folder


def _frame(card: MethodCard, folder: Path | None) -> tuple[int, str]:
    """The faces that a method was made for: by its card, or by the record beside its weights."""
    from clrface.trained import read_record

    records = [record for path in sorted(folder.iterdir()) if (record := read_record(path))] if folder and folder.is_dir() else []
    for record in records:
        if "resolution" in record:
            return record["resolution"], record["template"]
    return card.resolution or FIELD_SIZE, FIELD_TEMPLATE
