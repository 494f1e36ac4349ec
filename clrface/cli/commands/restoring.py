"""Commands that make images: restore photographs, degrade a folder of images."""

import sys
from pathlib import Path
from typing import Any

import click

from clrface.catalogue import DEGRADATIONS
from clrface.cli.parts import PATH, Command, path_option
from clrface.cli.shared import DEVICE, WEIGHTS, set_threads
from clrface.errors import UserError


def complete_methods(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete a method's name."""
    from clrface.public import list_methods

    return [name for name in list_methods() if name.startswith(begun)]


def _degradations(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Complete a degradation's name."""
    from clrface.degradation.draw import load_degradations

    return [name for name in load_degradations(DEGRADATIONS) if name.startswith(begun)]


def settings_of(words: tuple[str, ...]) -> dict[str, Any]:
    """`steps=4` as {"steps": 4}: values are read as YAML. Raises: UserError for a word without `=`."""
    import yaml

    settings: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(f"--set: found '{word}', expected a parameter and its value, e.g. steps=4.")
        settings[key] = yaml.safe_load(value)
    return settings


@click.command(
    cls=Command,
    example="clrface restore photo.jpg\n"
    "clrface restore album/ -o restored/ --method gfpgan_1_4 --compare\n"
    "clrface restore faces/ --aligned --set steps=16",
)
@click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="PHOTO|FOLDER...")
@click.option("-o", "--out", type=PATH, default=Path("restored"), show_default=True, metavar="FOLDER", help="Where results go.")
@click.option("--method", default="clrface", show_default=True, shell_complete=complete_methods, help="clrface list methods names them.")
@click.option("--set", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the method, e.g. steps=4. Repeatable.")
@WEIGHTS
@click.option("--aligned", is_flag=True, help="The images are aligned faces: nothing is searched, cut or pasted.")
@click.option(
    "--upscale", type=click.Choice(["1", "2", "4"]), default="1", show_default=True, help="The result's size, in times the photograph's."
)
@click.option(
    "--background",
    type=click.Choice(["none", "realesrgan"]),
    default="none",
    show_default=True,
    help="Restore what isn't a face too; slow on a CPU.",
)
@click.option("--force", is_flag=True, help="Restore faces too that are finer than the method's size can hold.")
@click.option("--min-face", type=click.FloatRange(min=1), default=16.0, show_default=True, metavar="PX", help="Leave smaller faces alone.")
@click.option("--save-faces", is_flag=True, help="Write each face, before and after, into FOLDER/faces.")
@click.option("--compare", is_flag=True, help="Write photograph and result side by side into FOLDER/compare.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of methods that draw noise.")
@DEVICE
def restore(
    inputs: tuple[Path, ...],
    out: Path,
    method: str,
    params: tuple[str, ...],
    weights: str,
    aligned: bool,
    upscale: str,
    background: str,
    force: bool,
    min_face: float,
    save_faces: bool,
    compare: bool,
    seed: int,
    device: str,
) -> int:
    """Restore the faces of whole photographs.

    Every face is found, cut out, restored, and put back with a soft edge, at the photograph's own size and the right way up. EXIF data,
    colour profile, alpha and 16 bits are kept. A photograph without a face is copied. A second call does only what is missing.
    Returns 1 if a photograph failed.
    """
    from clrface.device import pick_device
    from clrface.photo.background import RealEsrgan, lanczos
    from clrface.photo.detect import SOURCE, FaceDetector
    from clrface.photo.folder import Wishes, photographs, restore_all
    from clrface.photo.restorer import Frame, PhotoRestorer
    from clrface.ready import fetched, ready

    set_threads()
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, expected a folder for the results. Give another one: -o restored")
    targets, chosen = photographs(inputs, out), settings_of(params)
    made = ready(method, chosen, weights, device)
    raw = fetched([SOURCE, *(["realesrgan"] if background == "realesrgan" else [])])
    enlarge = RealEsrgan(raw, pick_device(device)) if background == "realesrgan" else lanczos
    frame = Frame(made.size, made.template)
    restorer = PhotoRestorer(made.method, frame, FaceDetector(raw), seed, int(upscale), enlarge, force, min_face)
    settings = {"method": method, "params": made.card.params | chosen, "weights": weights, "seed": seed, "aligned": aligned}
    settings |= {"upscale": upscale, "background": background, "force": force, "min_face": min_face}
    tally = restore_all(restorer, targets, out, settings, Wishes(aligned, save_faces, compare))
    print(tally.told(out), file=sys.stderr)
    return int(tally.failed > 0)


@click.command(
    cls=Command,
    example="clrface degrade truth/ -o lq/ --degradation gfpgan\nclrface degrade truth/ -o lq/ --degradation blind --seed 1",
)
@click.argument("folder", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, metavar="FOLDER", help="Where the degraded images and draws.csv go.")
@click.option("--degradation", required=True, shell_complete=_degradations, help="clrface list degradations names them.")
@path_option("--degradations", "A file of degradations of your own.", default=DEGRADATIONS)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other degradations.")
def degrade(folder: Path, out: Path, degradation: str, degradations: Path, seed: int) -> None:
    """Degrade a folder of aligned faces as a protocol does, and write what was drawn for each (draws.csv).

    Images are square. Each is drawn from the seed and its own name: the same bytes on every run, whatever else is in the folder.
    """
    from clrface.degradation.draw import get_degradation, load_degradations
    from clrface.degradation.folder import degrade_folder

    degrade_folder(folder, out, get_degradation(load_degradations(degradations), degradation), seed)
