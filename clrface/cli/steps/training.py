"""Steps of the training: a stage, and the record of weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click

from clrface.catalogue import DEGRADATIONS
from clrface.cli.parts import Command, Json, filled, path_option, paths_option
from clrface.cli.shared import DEVICE, OUT, RAW_OPTION, WEIGHTS


@click.command(cls=Command, example="python -m torch.distributed.run --nproc-per-node N -m clrface train ...   # several devices")
@click.option("--spec", type=Json(), required=True, help="The stage as JSON, as in the config's training.stages, with its name.")
@paths_option("--faces", "Folders of chunks of aligned training faces.", required=True)
@paths_option("--manifest", "The manifest of each, in the same order.", required=True)
@click.option("--degradation", required=True)
@path_option("--degradations", "The file of degradations.", default=DEGRADATIONS)
@RAW_OPTION
@path_option("--models", "The folder of the stages trained before this one.", required=True)
@OUT
@click.option("--seed", type=int, default=0)
@click.option("--workers", type=int, default=1)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32")
@click.option("--compile", "compiled", is_flag=True, help="Run the networks through torch.compile.")
@DEVICE
@click.option("--limit", type=int, help="Stop after so many steps, for a trial.")
def train(
    spec: Any,
    faces: tuple[Path, ...],
    manifest: tuple[Path, ...],
    degradation: str,
    degradations: Path,
    raw: Path,
    models: Path,
    out: Path,
    seed: int,
    workers: int,
    precision: Literal["fp32", "bf16"],
    compiled: bool,
    device: str,
    limit: int | None,
) -> None:
    """Train one stage's network; go on from its last checkpoint."""
    from clrface.config.parts import completed
    from clrface.config.stages import Stage
    from clrface.degradation.draw import get_degradation, load_degradations
    from clrface.errors import extra

    with extra("train", "Training"):
        from clrface.training.data import TrainingSet
        from clrface.training.run import train_stage
        from clrface.training.stage import StageSpec

    stage = filled(StageSpec, spec, "--spec", completed(Stage, {}))
    if limit:
        stage = replace(stage, steps=min(limit, stage.steps))
    train_stage(
        stage,
        sets=[TrainingSet(folder, listed) for folder, listed in zip(faces, manifest, strict=True)],
        sources=raw,
        models=models,
        out=out,
        degradation=get_degradation(load_degradations(degradations), degradation),
        seed=seed,
        workers=workers,
        precision=precision,
        device=device,
        compiled=compiled,
    )


@click.command("weights", cls=Command)
@click.argument("methods", nargs=-1)
@WEIGHTS
@OUT
def weights(methods: tuple[str, ...], weights: str, out: Path) -> None:
    """Write the checksums of methods' weights, as JSON."""
    from clrface.files import write_text
    from clrface.tables.formats import to_json
    from clrface.weights import digest, weights_folder

    write_text(out, to_json({name: digest(weights_folder(weights, name)) for name in methods}))
