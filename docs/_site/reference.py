"""Write the reference pages from cards, catalogue and docstrings, and the gallery. mkdocs-gen-files runs it."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mkdocs_gen_files
import yaml

from clrface import catalogue
from clrface.cli.commands import SECTIONS
from clrface.fetch.sources import load_sources
from clrface.manifest import read_manifest
from clrface.metrics.registry import metric_cards
from clrface.published import load_published
from clrface.registry import method_cards

ROOT = Path(__file__).resolve().parents[2]
API = ("evaluate", "restore", "degrade", "load_method", "sample_faces", "create_metric", "list_methods", "list_metrics", "list_protocols")


def write(page: str, title: str, about: str, *parts: str) -> None:
    """One page. about: what it lists, and the command that prints the same."""
    with mkdocs_gen_files.open(page, "w") as handle:
        handle.write("\n\n".join([f"# {title}", about, *parts]) + "\n")


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def methods() -> None:
    rows = [
        (f"`{name}`", card.label, _kind(card), f"{card.resolution} px" if card.resolution else "any", card.paper, card.licence)
        for name, card in method_cards().items()
    ]
    parameters = [
        f"### `{name}`\n\n" + table(("parameter", "default", "what it is"), _parameters(card))
        for name, card in method_cards().items()
        if card.params
    ]
    heading = ("method", "label", "kind", "size", "paper", "licence")
    about = "Every method with its card. `clrface list methods` prints this list."
    write("reference/methods.md", "Methods", about, table(heading, rows), "## Parameters", *parameters)


def _kind(card: Any) -> str:
    if card.external:
        return f"external: {card.unable}" if card.unable else "external"
    return "control" if card.control else "trained here" if card.trained_here else "official weights" if card.assets else "no training"


def _parameters(card: Any) -> list[tuple[str, str, str]]:
    return [
        (f"`{name}`", f"`{json.dumps(default)}`", str(card.accepts.get(name, {}).get("description", "")))
        for name, default in card.params.items()
    ]


def metrics() -> None:
    rows = [
        (
            f"`{name}`<br>{card.label}",
            f"{'↑' if card.direction == 'higher' else '↓'} {card.unit}",
            f"{card.definition}<br>*{card.citation}*",
        )
        for name, card in metric_cards().items()
    ]
    about = "Every metric's exact definition, from its card, with its source. `clrface list metrics` prints this list."
    write("reference/metrics.md", "Metrics", about, table(("metric", "better", "definition"), rows))


def protocols() -> None:
    entries = yaml.safe_load(catalogue.PROTOCOLS.read_text(encoding="utf-8"))
    parts = [f"## `{name}`\n\n{' '.join(entry['description'].split())}\n\n{_defined(entry['metrics'])}" for name, entry in entries.items()]
    about = "A number means something only under its protocol. [How they differ](../explanation/protocols.md) says which one to take."
    write("reference/protocols.md", "Protocols", about, *parts)


def _defined(names: Sequence[str]) -> str:
    cards = metric_cards()
    return table(("metric", "label", "definition"), [(f"`{name}`", cards[name].label, cards[name].definition) for name in names])


def degradations() -> None:
    entries: Mapping[str, Mapping[str, Any]] = yaml.safe_load(catalogue.DEGRADATIONS.read_text(encoding="utf-8"))
    rows = [
        (f"`{name}`", entry["kind"], "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in entry.items() if key != "kind"))
        for name, entry in entries.items()
    ]
    about = "What is drawn for each image, from `clrface/catalogue/degradations.yaml`. `clrface list degradations` prints this list."
    write("reference/degradations.md", "Degradations", about, table(("degradation", "kind", "settings"), rows))


def datasets() -> None:
    sources = load_sources(catalogue.SOURCES)
    rows: list[tuple[object, ...]] = []
    for path in sorted(catalogue.MANIFESTS.glob("*.csv")):
        faces, found = read_manifest(path), sources.get(path.stem)
        used_for = ", ".join(dict.fromkeys(face.split for face in faces))
        rows.append((f"`{path.stem}`", len(faces), used_for, found.licence if found else "", found.citation if found else ""))
    rows += [(f"`{name}`", one.files, one.faces, one.licence, one.citation) for name, one in sources.items() if one.faces]
    about = "Sets of faces, with licence and citation. `clrface list datasets` prints this list."
    write("reference/datasets.md", "Datasets", about, table(("dataset", "faces", "for", "licence", "citation"), rows))


def published() -> None:
    cells = [cell for found in load_published(catalogue.PUBLISHED).values() for cell in found if cell.value is not None]
    blocks = dict.fromkeys((cell.source.split(" (it doesn't say")[0], cell.dataset, cell.degradation) for cell in cells)
    parts = [_block(cells, *block) for block in blocks]
    about = (
        "Numbers that others published, for calibration. A table under the same protocol and on the same set shows them beside ours. "
        "None was measured here. They come from `clrface/catalogue/published.yaml`, which also says what is assumed of each metric."
    )
    write("reference/published.md", "Published numbers", about, *parts)


def _block(cells: Sequence[Any], source: str, dataset: str, degradation: str) -> str:
    mine = [cell for cell in cells if cell.source.startswith(source) and (cell.dataset, cell.degradation) == (dataset, degradation)]
    columns = list(dict.fromkeys(cell.metric for cell in mine))
    values = {(cell.label, cell.metric): cell.value for cell in mine}
    rows = [(label, *(values.get((label, name), "") for name in columns)) for label in dict.fromkeys(cell.label for cell in mine)]
    return f"## {dataset}, {degradation}\n\n{source}\n\n" + table(("method", *(f"`{name}`" for name in columns)), rows)


def commands() -> None:
    parts: list[str] = []
    for section, found in SECTIONS.items():
        parts += [f"## {section}", *map(_click, found)]
    about = "Every command that a person types, with its options. `clrface COMMAND --help` prints the same."
    write("reference/commands.md", "Commands", about, *parts)


def _click(command: Any) -> str:
    """What mkdocs-click replaces by the command's help. A group's variable can't have the name of a builtin."""
    module = "clrface.cli.commands.browse" if command.name == "list" else command.callback.__module__
    variable = {"list": "browse"}.get(command.name, command.name.replace("-", "_"))
    options = {"module": module, "command": variable, "prog_name": f"clrface {command.name}", "depth": 2, "style": "table"}
    return "\n".join(["::: mkdocs-click", *(f"    :{key}: {value}" for key, value in options.items())])


def python() -> None:
    about = "What `import clrface` offers. Nothing heavy is imported before a function is called."
    parts = [f"::: clrface.public.{name}" for name in API]
    contracts = [f"::: clrface.api.{name}" for name in ("Restorer", "ImageMetric", "SetMetric", "MethodCard", "MetricCard", "MetricCode")]
    write("reference/python.md", "Python", about, *parts, "## The contracts\n\nWhat a method and a metric must have.", *contracts)


def gallery() -> None:
    captions: Mapping[str, str] = yaml.safe_load((ROOT / "docs" / "figures" / "captions.yaml").read_text(encoding="utf-8"))
    parts = [f"![{caption}](figures/{name}.png)\n\n*{caption}*" for name, caption in captions.items()]
    about = "Figures and the first table of the reference results; `make reproduce` makes them again."
    write("gallery.md", "Gallery", about, parts[0], _reference("table1"), *parts[1:])


def _reference(name: str) -> str:
    """A reference table without its intervals, each number with its metric's decimals."""
    with (ROOT / "results" / "reference" / "embedded" / f"{name}.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    cards = [card for column in rows[0] if (card := metric_cards().get(column))]
    lines = [(row["label"], row["n"], *(f"{float(row[card.id]):.{card.decimals}f}" for card in cards)) for row in rows]
    return table(("method", "n", *(card.label for card in cards)), lines)


for make in (methods, metrics, protocols, degradations, datasets, published, commands, python, gallery):
    make()
