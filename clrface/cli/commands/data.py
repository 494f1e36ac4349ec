"""Commands that bring data: one source, all that a run needs, faces drawn by a generator."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from clrface import paths
from clrface.catalogue import SOURCES
from clrface.cli.parts import Command, path_option, paths_option
from clrface.errors import UserError


def _names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete a source's name."""
    import yaml

    return [name for name in yaml.safe_load(SOURCES.read_text(encoding="utf-8")) if name.startswith(begun)]


MIRRORS = paths_option("--mirrors", "Folders looked into by checksum before the network.")


@click.command(cls=Command, example="clrface fetch --protocol pmrf\nclrface fetch lpips vgg16 --mirrors /media/disk/packed")
@click.argument("names", nargs=-1, shell_complete=_names)
@click.option("--protocol", help="All that a protocol's metrics need: clrface list protocols.")
@click.option("--method", help="All that a method needs: clrface list methods.")
@path_option("--sources", "A file of sources of your own.", default=SOURCES)
@path_option("--raw", "Where the sources' folders are; in the project, or in the user's cache, when left out.")
@path_option("--downloads", "Where archives are kept; beside --raw's own place when left out.")
@MIRRORS
def fetch(
    names: tuple[str, ...],
    protocol: str | None,
    method: str | None,
    sources: Path,
    raw: Path | None,
    downloads: Path | None,
    mirrors: tuple[Path, ...],
) -> None:
    """Download, verify and extract sources; do nothing for those that are there.

    NAMES: entries of the list of sources, e.g. orl; those that metrics and methods name are in clrface list.
    """
    from clrface.fetch.install import fetch as fetch_source
    from clrface.fetch.sources import load_sources

    known = load_sources(sources, paths.root() if sources == SOURCES else None)
    wanted = dict.fromkeys([*names, *_sources_of(protocol, method)])
    if not wanted and not (protocol or method):
        raise UserError("Found no source's name, and neither --protocol nor --method. Say what to fetch: clrface fetch --protocol pmrf")
    for name in wanted:
        fetch_source(name, known, raw or paths.raw(), downloads or paths.downloads(), mirrors)


def _sources_of(protocol: str | None, method: str | None) -> list[str]:
    """What a protocol's metrics and a method read, in order. Raises: UserError for an unknown name."""
    from clrface.catalogue import PROTOCOLS
    from clrface.metrics.protocols import load_protocol
    from clrface.metrics.registry import metric_card
    from clrface.registry import method_card

    of_metrics = [source for name in load_protocol(PROTOCOLS, protocol).metrics for source in metric_card(name).assets] if protocol else []
    return [*of_metrics, *(method_card(method).assets if method else ())]


@click.command(cls=Command, example="clrface mirror --to packed --config config/full.yaml\nclrface mirror lpips vgg16 --to packed")
@click.argument("names", nargs=-1, shell_complete=_names)
@path_option("--to", "The folder; what is there already stays.", required=True)
@paths_option("--config", "The run's --configfile; the project's config/embedded.yaml when left out.")
@MIRRORS
def mirror(names: tuple[str, ...], to: Path, config: tuple[Path, ...], mirrors: tuple[Path, ...]) -> None:
    """Fetch the archives that a config needs, and pack them into one folder for `mirrors:`.

    NAMES: entries of the list of sources; all that the config needs when left out.
    """
    from clrface.fetch.mirror import pack
    from clrface.project import needed_sources, read_project

    project = read_project()
    settings = _settings(config, project, bool(names))
    if "timeout_s" in settings:
        os.environ["CLRFACE_TIMEOUT_S"] = str(settings["timeout_s"])
    places = [*mirrors, *map(Path, settings.get("mirrors", ()))]
    pack(names or needed_sources(settings, project), project.sources, to, paths.raw(), paths.downloads(), places)


def _settings(config: Sequence[Path], project: Any, named: bool) -> dict[str, Any]:
    """The run's config; empty outside of a project, where the sources are `named`."""
    from clrface.project import config_of

    if not config and paths.project_folder() is None:
        if named:
            return {}
        raise UserError(f"No project's folder at or above {Path.cwd()}. Name the sources, or give --config.")
    return config_of(config or [paths.preset()], project)


@click.command(cls=Command, example="clrface generate --count 160 --seed 1 --out faces")
@click.option("--count", type=int, required=True, help="Faces in the folder at the end.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other faces.")
@click.option("--truncation", type=float, default=0.8, show_default=True, help="1: as varied as FFHQ; towards 0: more alike, more regular.")
@click.option("--size", type=int, default=512, show_default=True, help="Pixels a side, at most 512.")
@path_option("--out", "The folder of images; with another count it is added to.", required=True)
@path_option("--raw", "The folder of fetched sources; the project's, or the user's cache, when left out.")
def generate(count: int, seed: int, truncation: float, size: int, out: Path, raw: Path | None) -> None:
    """Draw colour faces of nobody, aligned about as FFHQ is, by MobileStyleGAN.

    Needs the extra `generate` and the source `mobilestylegan`. A run that is stopped goes on with the same command.
    """
    from clrface.generate.faces import Drawing, generate_faces

    generate_faces(Drawing(count, seed, truncation, size), (raw or paths.raw()) / "mobilestylegan", out)
