"""Steps that draw: sheets of faces, operating curves, the figures of studies."""

from pathlib import Path
from typing import Any

import click

from clrface.cli.parts import Command, Json, JsonText, filled, path_option
from clrface.cli.shared import CACHE, OUT, RAW_OPTION, TABLE, face_sets, finished_table, image_ids, set_threads
from clrface.cli.steps.images import read_gallery
from clrface.cli.steps.studies import StudyFaces, study_faces
from clrface.device import pick_device


@click.command(cls=Command)
@click.option("--panels", type=JsonText(), required=True, help='JSON: [{"title", "aligned", "chunks": [...], "columns": {label: folder}}].')
@click.option("--rows", type=int, default=6)
@OUT
def samples(panels: str, rows: int, out: Path) -> None:
    """Draw a sheet of restored faces: input, methods, ground truth."""
    from clrface.names import natural
    from clrface.report.requests import sample_panels_from_json
    from clrface.report.samples import SampleSet, sample_sheet, spread

    sets: list[SampleSet] = []
    for panel in sample_panels_from_json(panels):
        columns = {label: Path(folder) for label, folder in panel.columns.items()}
        aligned = Path(panel.aligned)
        ids = sorted((image_id for chunk in panel.chunks for image_id in image_ids(aligned / chunk, only_ok=True)), key=natural)
        sets.append(SampleSet(panel.title, spread(ids, rows), columns, panel.chunks))
    sample_sheet(sets, out)


@click.command(cls=Command)
@TABLE
@face_sets
@OUT
def failures(table: Path, spec: str, results: Path, data: Path, out: Path) -> None:
    """Draw a sheet of the worst faces by identity: input, methods, ground truth."""
    from clrface.report.failures import failure_sheet
    from clrface.report.records import Places
    from clrface.report.requests import SetSpec

    failure_sheet(finished_table(table), Places(results, data), SetSpec.from_json(spec), out)


@click.command(cls=Command)
@click.option("--panels", type=JsonText(), required=True, help="JSON: a panel a dataset and degradation, as the workflow gives it.")
@RAW_OPTION
@CACHE
@OUT
def roc(panels: str, raw: Path, cache: Path | None, out: Path) -> None:
    """Draw the operating curves of a table of recognition."""
    from clrface.evaluation.recognise import compare_faces, embedder
    from clrface.metrics.verification import operating_curve
    from clrface.report.requests import roc_panels_from_json
    from clrface.report.roc import Line, Panel, roc_figure

    drawn: list[Panel] = []
    for panel in roc_panels_from_json(panels):
        ids = [image_id for folder in panel.aligned for image_id in image_ids(Path(folder))]
        gallery = read_gallery(tuple(map(Path, panel.gallery)), Path(panel.manifest), Path(panel.pairs) if panel.pairs else None)
        embed = embedder(panel.metric, raw, cache)
        lines: list[Line] = []
        for row in panel.rows:
            comparison, _ = compare_faces(list(map(Path, row.folders)), gallery, ids, embed)
            lines.append(Line(row.label, row.control, operating_curve(comparison.pairs())))
        drawn.append(Panel(panel.title, lines))
    roc_figure(drawn, out)


@click.command("sweep-figure", cls=Command)
@TABLE
@click.option("--along", required=True, help="The column on the horizontal axis.")
@click.option("--grid", multiple=True, metavar="NAME ...", required=True, help="The settings' columns.")
@click.option("--metrics", multiple=True, metavar="NAME ...", required=True)
@OUT
def sweep_figure(table: Path, along: str, grid: tuple[str, ...], metrics: tuple[str, ...], out: Path) -> None:
    """Draw a sweep: a panel a metric, a line for each combination of settings."""
    from clrface.metrics.registry import metric_card
    from clrface.report.curves import sweep_figure as draw

    draw(table, along, list(grid), [metric_card(name) for name in metrics], out)


@click.command("mask-maps", cls=Command)
@study_faces
@path_option("--figure", "The figure that is drawn.", required=True)
def mask_maps(faces: StudyFaces, figure: Path) -> None:
    """Draw where the learned mask lets guidance act, and measure its mean in the parts of a face."""
    from clrface.study.mask_maps import write_mask_maps
    from clrface.weights import weights_folder

    set_threads()
    weights = weights_folder(faces.weights, "clrface")
    write_mask_maps(faces.read(), weights, faces.raw, pick_device(faces.device), faces.out, figure)


@click.command(cls=Command)
@study_faces
@click.option("--settings", type=Json(), required=True, help="The config's `clrface` block as JSON.")
@click.option("--base-seed", type=int, required=True)
def overview(faces: StudyFaces, settings: dict[str, Any], base_seed: int) -> None:
    """Draw the method: one face on its way through CLR-Face."""
    from clrface.restoration.pipeline import Settings
    from clrface.study.overview import write_overview
    from clrface.weights import weights_folder

    set_threads()
    weights = weights_folder(faces.weights, "clrface")
    chosen = filled(Settings, settings, "--settings")
    write_overview(faces.read(), chosen, weights, faces.raw, pick_device(faces.device), base_seed, faces.out)
