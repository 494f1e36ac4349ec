"""Commands around the training: weights to start from, and how the losses went."""

import json
from pathlib import Path

import click

from clrface.cli.parts import PATH, Command, path_option
from clrface.cli.shared import OUT


@click.command("import-vq", cls=Command, example="clrface import-vq --checkpoint celeba256_vq_f4_dim3_face.pth --out models/vq_f4")
@path_option("--checkpoint", "E.g. celeba256_vq_f4_dim3_face.pth.", required=True)
@path_option("--out", "A folder that isn't there yet.", required=True)
def import_vq(checkpoint: Path, out: Path) -> None:
    """Convert a VQ checkpoint of latent diffusion's layout (CompVis, ResShift).

    The folder that it writes is what stage `autoencoder` can start from.
    """
    from clrface.models.latent_diffusion import import_vq as convert

    shape = convert(checkpoint, out)
    print(f"{out}: {json.dumps(shape)}")
    print(f"To start from it: training.stages.autoencoder.options.start_from: {out}, with this network; steps: 0 takes it whole.")


@click.command(cls=Command, example="clrface losses results/train/clrface/*.work/losses.jsonl --out losses.png")
@click.argument("logs", type=PATH, nargs=-1, required=True)
@OUT
def losses(logs: tuple[Path, ...], out: Path) -> None:
    """Draw the training's losses, a panel a stage.

    LOGS: <stage>.work/losses.jsonl ...
    """
    from clrface.report.curves import loss_figure

    loss_figure({log.parent.name.removesuffix(".work"): log for log in logs}, out)
