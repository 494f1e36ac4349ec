"""`clrface list ...`: what there is, as a table to read or as JSON."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from clrface import catalogue, paths
from clrface.cli.parts import Command, Group

WIDEST = 140
GAP = 2
NARROWEST = 24
"""The least width of the last column: where the terminal has less room, lines are longer than it."""

Cells = Sequence[str]


@click.group("list", cls=Group, example="clrface list metrics\nclrface list datasets --json")
def browse() -> None:
    """List methods, metrics, protocols, degradations or datasets."""


def _kind(rows: Callable[..., tuple[Cells, Sequence[Cells], Mapping[str, Any]]], name: str, *options: click.Option) -> None:
    """Add `clrface list NAME`. rows: the heading, a line each, and the same as JSON, by name; it takes the options' values."""

    @browse.command(name, cls=Command, help=rows.__doc__, example=f"clrface list {name}\nclrface list {name} --json")
    @click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
    def command(as_json: bool, **values: Any) -> None:
        heading, lines, entries = rows(**values)
        _write(json.dumps(entries, indent=2, ensure_ascii=False) + "\n" if as_json else _table(heading, lines))

    command.params.extend(options)


def _methods() -> tuple[Cells, Sequence[Cells], Mapping[str, Any]]:
    """List methods: ours, plug-ins, external programs."""
    from clrface.registry import method_cards

    cards = method_cards()
    lines = [
        (
            name,
            "control" if card.control else "external" if card.external else "method",
            f"{card.resolution} px" if card.resolution else "any",
            "trained here" if card.trained_here else ", ".join(card.assets) or "none",
            card.label,
        )
        for name, card in cards.items()
    ]
    return ("method", "kind", "size", "weights", "label"), lines, {name: asdict(card) for name, card in cards.items()}


def _metrics(protocol: str | None = None) -> tuple[Cells, Sequence[Cells], Mapping[str, Any]]:
    """List metrics with their definitions."""
    from clrface.metrics.protocols import load_protocol
    from clrface.metrics.registry import metric_cards

    cards = metric_cards()
    names = load_protocol(catalogue.PROTOCOLS, protocol).metrics if protocol else tuple(cards)
    lines: list[Cells] = []
    for name in names:
        card = cards[name]
        needs = f" Needs: {', '.join(card.assets)}." if card.assets else ""
        lines.append((name, card.label, card.direction, card.unit, card.level, card.definition + needs))
    return ("metric", "label", "better", "unit", "per", "definition"), lines, {name: asdict(cards[name]) for name in names}


def _protocols() -> tuple[Cells, Sequence[Cells], Mapping[str, Any]]:
    """List protocols, and the metrics of each."""
    import yaml

    entries = yaml.safe_load(catalogue.PROTOCOLS.read_text(encoding="utf-8"))
    lines = [(name, f"{' '.join(entry['description'].split())} Metrics: {', '.join(entry['metrics'])}.") for name, entry in entries.items()]
    return ("protocol", "what it is"), lines, entries


def _degradations() -> tuple[Cells, Sequence[Cells], Mapping[str, Any]]:
    """List degradations with their settings."""
    import yaml

    entries = yaml.safe_load(catalogue.DEGRADATIONS.read_text(encoding="utf-8"))
    lines = [
        (name, entry["kind"], ", ".join(_setting(key, value, entry["kind"]) for key, value in entry.items() if key != "kind"))
        for name, entry in entries.items()
    ]
    return ("degradation", "kind", "settings"), lines, entries


def _setting(key: str, value: Any, kind: str) -> str:
    """`jpeg_quality 50 to 90`; kernels are chosen, everything else is drawn from a range."""
    between = " or " if key == "kernel_px" or kind == "grid" else " to "
    return f"{key} {between.join(map(str, value)) if isinstance(value, list) else value}"  # pyright: ignore[reportUnknownArgumentType]


def _datasets() -> tuple[Cells, Sequence[Cells], Mapping[str, Any]]:
    """List datasets: faces, use, licence, and if they are fetched."""
    from clrface.fetch.install import is_fetched
    from clrface.fetch.sources import load_sources
    from clrface.manifest import read_manifest

    sources = load_sources(catalogue.SOURCES, paths.root())
    entries: dict[str, Any] = {}
    for manifest in sorted(catalogue.MANIFESTS.glob("*.csv")):
        faces = read_manifest(manifest)
        entries[manifest.stem] = {"faces": len(faces), "use": ", ".join(dict.fromkeys(face.split for face in faces))}
    for name, source in sources.items():
        if source.faces:
            entries[name] = {"faces": source.files, "use": source.faces}
    for name, entry in entries.items():
        if source := sources.get(name):
            entry |= {"fetched": is_fetched(source, paths.raw()), "licence": source.licence, "citation": source.citation}
    lines = [
        (name, str(entry["faces"]), entry["use"], "yes" if entry.get("fetched") else "no", entry.get("licence", ""))
        for name, entry in entries.items()
    ]
    return ("dataset", "faces", "for", "fetched", "licence"), lines, entries


def _table(heading: Cells, lines: Sequence[Cells]) -> str:
    """Columns as wide as their widest cell; the last one wrapped to the terminal's width."""
    rows = [heading, *lines]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heading) - 1)]
    left = sum(widths) + GAP * len(widths)
    room = max(NARROWEST, min(WIDEST, shutil.get_terminal_size(fallback=(110, 24)).columns) - left)
    text: list[str] = []
    for row in rows:
        first, *more = textwrap.wrap(row[-1], room) or [""]
        cells = "".join(cell.ljust(width + GAP) for cell, width in zip(row, widths, strict=False))
        text += [f"{cells}{first}".rstrip(), *(" " * left + part for part in more)]
    text.insert(1, "─" * min(left + room, max(map(len, text))))
    return "\n".join(text) + "\n"


def _write(text: str) -> None:
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        from clrface.tables.terminal import printable  # here, since it imports numpy

        text = printable(text, sys.stdout)
    sys.stdout.write(text)


_kind(_metrics, "metrics", click.Option(["--protocol"], metavar="NAME", help="Only this protocol's metrics, in its order."))
for _rows, _name in (
    (_methods, "methods"),
    (_protocols, "protocols"),
    (_degradations, "degradations"),
    (_datasets, "datasets"),
):
    _kind(_rows, _name)
