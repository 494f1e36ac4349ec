"""Run the field's own code beside ours, on the same images, and print one table.

pip install pyiqa                                             # in an environment of its own: it brings much along
python -m clrface fetch lpips niqe_official
python -m benchmarks.parity --peer pyiqa
python -m benchmarks.parity --peer ~/VQFR ~/BasicSR --python ~/vqfr-env/bin/python --images out/ truth/

A peer is `pyiqa` (imported from this environment), or a clone of VQFR, RestoreFormer, CodeFormer, GFPGAN or BasicSR. Their code runs
with --python, the environment that it needs. Both sides read the same weights: random ones in the official files' layout, or those
under --weights. Without --images, scikit-image's photographs, degraded here. Returns 1 if any number differs.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
from PIL import Image, ImageOps

from benchmarks.peers import degradation as degraders
from benchmarks.peers import networks, scripts
from benchmarks.peers.rows import Images, Row, table
from clrface import paths
from clrface.catalogue import DEGRADATIONS
from clrface.degradation.apply import apply
from clrface.degradation.draw import draw, get_degradation, load_degradations
from clrface.errors import UserError
from clrface.images import write_png
from clrface.seeds import generator
from clrface.torchvision_import import prepare

SIDE_PX = 512
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "cat")
RECIPES = ("gfpgan", "severe")
CLONES = "VQFR, RestoreFormer, CodeFormer, GFPGAN or BasicSR"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 for a difference, 2 for a mistake of the user's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", nargs="+", required=True, help="pyiqa, or the paths of clones")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="runs the clones' scripts; this Python when left out")
    parser.add_argument("--images", nargs=2, type=Path, metavar=("RESTORED", "TRUTH"), help="folders of PNGs, paired by name")
    parser.add_argument("--raw", type=Path, default=paths.raw(), help="the folder of fetched sources, for lpips and niqe_official")
    parser.add_argument("--weights", type=Path, help="a folder of all fetched sources with the networks' weights, instead of random ones")
    options = parser.parse_args(arguments)
    prepare()
    with TemporaryDirectory() as folder:
        images = Images(*(path.resolve() for path in options.images)) if options.images else make_images(Path(folder))
        sources = functools.cache(lambda: options.weights or _random_weights(Path(folder, "weights"), options.raw))
        try:
            rows = [row for peer in options.peer for row in _compare(peer, images, options.python.absolute(), sources)]
        except UserError as error:
            print(f"parity: {error}", file=sys.stderr)
            return 2
    print(table(rows), end="")
    return int(any(not row.why and not row.agrees for row in rows))


def _compare(peer: str, images: Images, python: Path, sources: Callable[[], Path]) -> Iterator[Row]:
    if peer == "pyiqa":
        from benchmarks.peers import pyiqa_functions  # pyiqa is in an environment of its own

        yield from pyiqa_functions.compare(images, sources())
        return
    clone = Path(peer).expanduser().resolve()
    rows = [
        *scripts.compare(clone, python, images, sources),
        *degraders.compare(clone, images),
        *degraders.compare_dataset(clone, python, images),
        *networks.compare(clone, python, images),
    ]
    if not rows:
        raise UserError(f"{peer} is no clone of {CLONES}. Give the folder that git cloned, or `pyiqa`.")
    yield from rows


def _random_weights(folder: Path, raw: Path) -> Path:
    from tests.unit.official_weights import write_scripts  # it imports torchvision, which `main` has prepared by now

    return write_scripts(folder, raw)


def make_images(folder: Path) -> Images:
    """scikit-image's photographs at 512x512, each degraded by two degradations: eight pairs."""
    degradations = load_degradations(DEGRADATIONS)
    for name in PHOTOGRAPHS:
        whole = Image.fromarray(getattr(skimage.data, name)())
        truth = np.asarray(ImageOps.fit(whole, (SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))
        for degradation in RECIPES:
            draws = draw(get_degradation(degradations, degradation), SIDE_PX, False, generator(0, "parity", name, degradation))
            write_png(folder / "truth" / f"{name}_{degradation}.png", truth)
            write_png(folder / "restored" / f"{name}_{degradation}.png", apply(truth, draws))
    return Images(folder / "restored", folder / "truth")


if __name__ == "__main__":
    sys.exit(main())
