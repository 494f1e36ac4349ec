"""Steps of the studies of CLR-Face: sweeps, costs."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clrface.cli.parts import Command, Json, filled, paths_option
from clrface.cli.shared import CACHE, DEVICE, OUT, RAW_OPTION, WEIGHTS, image_ids, set_threads
from clrface.device import pick_device

if TYPE_CHECKING:
    from clrface.study.sweep import Faces


@dataclass(frozen=True)
class StudyFaces:
    """The options that every study has: on which faces, with which weights, where."""

    dataset: str
    aligned: tuple[Path, ...]
    degraded: tuple[Path, ...]
    images: int | None
    weights: str
    raw: Path
    device: str
    out: Path

    def read(self) -> "Faces":
        """The faces themselves."""
        from clrface.report.samples import spread
        from clrface.study.sweep import Faces

        ids = [image_id for folder in self.aligned for image_id in image_ids(folder, only_ok=True)]
        ids = spread(ids, self.images or len(ids))
        return Faces.read(self.dataset, ids, list(self.aligned), list(self.degraded))


def study_faces(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options; the command gets them as its first argument."""

    @functools.wraps(command)
    def with_faces(
        dataset: str,
        aligned: tuple[Path, ...],
        degraded: tuple[Path, ...],
        images: int | None,
        weights: str,
        raw: Path,
        device: str,
        out: Path,
        **rest: Any,
    ) -> None:
        command(StudyFaces(dataset, aligned, degraded, images, weights, raw, device, out), **rest)

    options = (
        click.option("--dataset", required=True),
        paths_option("--aligned", "The ground truth's folders of chunks.", required=True),
        paths_option("--degraded", "The inputs' folders of chunks.", required=True),
        click.option("--images", type=int, help="So many of the faces, evenly spaced; all when left out."),
        WEIGHTS,
        RAW_OPTION,
        DEVICE,
        OUT,
    )
    for option in reversed(options):
        with_faces = option(with_faces)
    return with_faces


@click.command(cls=Command)
@study_faces
@click.option("--spec", type=Json(), required=True, help="JSON: grid, base, metrics, seeds, base_seed, n_boot, code.")
@CACHE
def sweep(faces: StudyFaces, spec: dict[str, Any], cache: Path | None) -> None:
    """Measure CLR-Face over a grid of settings: quality and cost of each; go on from the last point."""
    from clrface.study.sweep import Sweep, run_sweep
    from clrface.weights import weights_folder

    set_threads()
    weights = weights_folder(faces.weights, "clrface")
    run_sweep(filled(Sweep, spec, "--spec"), faces.read(), weights, faces.raw, pick_device(faces.device), faces.out, cache)


@click.command(cls=Command)
@study_faces
@click.option("--spec", type=Json(), required=True, help="The rows as JSON, and how many rounds.")
def cost(faces: StudyFaces, spec: dict[str, Any]) -> None:
    """Measure what methods cost: parameters, MACs, network evaluations, seconds, memory."""
    from clrface.study.cost import Contender, Place, measure_costs
    from clrface.tables.costs import write_cost_table

    found, device = faces.read(), pick_device(faces.device)
    contenders = [filled(Contender, row, "--spec") for row in spec["rows"]]
    costs = measure_costs(contenders, Place(faces.weights, faces.raw, device, found.degraded), spec["rounds"])
    images = f"{len(found.ids)} of {found.dataset}, {found.degraded.shape[-1]}x{found.degraded.shape[-2]}"
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    write_cost_table(costs, {"images": images, "rounds": spec["rounds"], "device": device, "threads": threads}, faces.out)
