"""How long Snakemake takes to build the graph of a paper-size run, and how that grows: `snakemake -n` on folders of tiny images.

python benchmarks/dag.py                          # 3,000 images over 5 sets, 12 rows; then 2 and 4 times the images
python benchmarks/dag.py --sizes 1 --chunk 250
python benchmarks/dag.py --sizes 1 --profile      # where the time goes: functions of ours, then all, by cumulative seconds

Seconds are of the processor (user and system), so that another program beside it hardly counts; wall time is told too.
"""

import argparse
import os
import pstats
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("clrface", "config", "workflow", "profiles", "Snakefile", "environment.yml")
SETS = ("celeba_images", "lfw_images", "wider_images", "webphoto_images", "celebchild_images")
SHARES = (0.5, 0.2, 0.15, 0.1, 0.05)
VARIANTS = {"steps_4": {"clrface": {"steps": 4}}, "unguided": {"clrface": {"guidance": "none"}}}


def make_project(folder: Path) -> None:
    """A copy of the project's files, without its weights, data and results."""
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    (folder / "models").symlink_to(ROOT / "models")


def write_config(folder: Path, images: int, chunk: int) -> None:
    """paper.yaml: `images` images over five sets, twelve rows, one table. The images are links to one of a pixel."""
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    for name, share in zip(SETS, SHARES, strict=True):
        place = folder / "sets" / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for number in range(round(images * share)):
            os.link(folder / "pixel.png", place / f"{number:05d}.png")
    tables = {f"table{number}": None for number in (2, 3, 4, 5)}
    config = {
        "chunk": chunk,
        "datasets": {name: {"folder": f"sets/{name}"} for name in SETS},
        "tables": {"table1": {"datasets": list(SETS), "degradations": ["blind"]}, **tables},
        "variants": VARIANTS,
        "sweeps": {"steps": None},
    }
    (folder / "paper.yaml").write_text(yaml.safe_dump(config))


def dry_run(folder: Path, profile: Path | None = None) -> tuple[int, float, float]:
    """Jobs, seconds of the processor and of the clock that `snakemake -n` takes."""
    python = [sys.executable, *(["-m", "cProfile", "-o", str(profile)] if profile else [])]
    command = [
        *python,
        "-m",
        "snakemake",
        "-n",
        "--cores",
        "2",
        "--quiet",
        "host",
        "--configfile",
        "paper.yaml",
        "--",
        "results/table1.csv",
    ]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    total = re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.M)
    if done.returncode or not total:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    spent = sum(getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime"))
    return int(total[1]), spent, wall


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 4], help="multiples of --images")
    parser.add_argument("--chunk", type=int, default=60, help="images a job")
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_project(folder)
        print(f"{'images':>8} {'chunk':>6} {'jobs':>7} {'CPU s':>7} {'wall s':>7} {'ms a job':>9}")
        for size in args.sizes:
            images = size * args.images
            write_config(folder, images, args.chunk)
            profile = folder / "profile" if args.profile else None
            jobs, spent, wall = dry_run(folder, profile)
            print(f"{images:>8,} {args.chunk:>6} {jobs:>7,} {spent:>7.1f} {wall:>7.1f} {1000 * spent / jobs:>9.2f}", flush=True)
            if profile:
                stats = pstats.Stats(str(profile)).sort_stats("cumulative")
                stats.print_stats(r"\.smk|/clrface/", 25)
                stats.print_stats(40)


if __name__ == "__main__":
    main()
