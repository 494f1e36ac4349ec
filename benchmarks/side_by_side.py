"""Ours and the field's own code on the same images, weights and threads, in turns in one run; the table tells the ratios of their seconds.

python -m benchmarks.side_by_side --out speed                        # all groups, with the peers of this environment
python -m benchmarks.side_by_side --only metrics "fid:*" --images 16 --turns 7 --threads 2 --out speed
python -m benchmarks.side_by_side --peer ~/BasicSR ~/GFPGAN ~/CodeFormer --python ~/peers-env/bin/python --out speed

A ratio is the peer's seconds over ours: above 1, ours is faster. Each side runs once untimed first, and both outcomes are compared;
then ours, theirs, ours, theirs, --turns times. A ratio's spread is over the turns. Imports are counted only where a row says so.
A peer that is neither installed nor given is a row that says so. Weights that can't be had are random ones in the official layout,
on which no speed depends. OUT/speed.csv and OUT/speed.md are written after each row. Returns 1 if two outcomes differ.
"""

from __future__ import annotations  # the names of types come from what is imported later

import argparse
import fnmatch
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.side.task import held_to

if TYPE_CHECKING:
    from benchmarks.side.inputs import Scene
    from benchmarks.side.rows import Contest, Row

CSV, MARKDOWN = "speed.csv", "speed.md"

GROUPS = ("metrics", "protocol", "fid", "degradation", "sampling", "restoring")
MARKS = {
    "CodeFormer": "inference_codeformer.py",
    "GFPGAN": "gfpgan/archs/gfpganv1_clean_arch.py",
    "BasicSR": "basicsr/data/degradations.py",
}
"""A file by which a clone is recognised."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the table; 1 for two outcomes that differ, 2 for a mistake of the user's."""
    options = _parser().parse_args(arguments)
    with held_to(options.threads):
        os.environ.setdefault("TQDM_DISABLE", "1")  # the bars of what is measured
        from clrface.device import VARIABLE  # what is imported from here on takes the number of threads
        from clrface.errors import UserError

        os.environ[VARIABLE] = "cpu"
        try:
            return _run(options)
        except UserError as error:
            print(f"side_by_side: {error}", file=sys.stderr)
            return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="GROUP[:ROW]", help=f"of {', '.join(GROUPS)}; rows by name, with * and ?"
    )
    parser.add_argument("--peer", nargs="+", type=Path, default=[], metavar="PATH", help=f"clones of {', '.join(MARKS)}")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the peers' interpreter; this one when left out")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--raw", type=Path, help="the folder of fetched sources; the project's when left out")
    parser.add_argument("--out", type=Path, required=True, help="the folder of speed.csv and speed.md")
    parser.add_argument("--state", default="", help="the machine's state, to be told above the table")
    return parser


def _run(options: argparse.Namespace) -> int:
    from clrface.torchvision_import import prepare

    prepare()  # before what imports torchvision
    from benchmarks.side.inputs import Scene
    from benchmarks.side.turns import run_contest
    from clrface import paths

    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="clrface-speed-") as folder:
        shape = (options.images, options.size, options.seed, options.threads)
        scene = Scene(Path(folder), options.raw or paths.raw(), *shape, clones_of(options.peer))
        for contest in _contests(scene, options.only):
            tell = functools.partial(_tell, contest.name)
            rows.append(run_contest(contest, options.python, scene.torch_home, options.turns, tell))
            tell(f"{rows[-1].ratio.median:.2f} {rows[-1].verdict}")
            _write(options, rows)
    print((options.out / MARKDOWN).read_text(encoding="utf-8"), end="")
    return int(any(not row.why and not row.agrees for row in rows))


def _write(options: argparse.Namespace, rows: Sequence[Row]) -> None:
    from benchmarks.side.rows import to_csv, to_markdown

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / CSV).write_text(to_csv(rows), encoding="utf-8")
    (options.out / MARKDOWN).write_text(to_markdown(rows, machine(options)), encoding="utf-8")


def _contests(scene: Scene, patterns: Sequence[str]) -> Iterator[Contest]:
    """The contests that were asked for, group by group: a group's weights are made when it is reached."""
    from benchmarks.side import images, metrics

    groups = {name: getattr(metrics, name, None) or getattr(images, name) for name in GROUPS}
    for name, contests in groups.items():
        if not any(fnmatch.fnmatch(name, pattern.partition(":")[0]) for pattern in patterns):
            continue
        for contest in contests(scene):
            if any(fnmatch.fnmatch(contest.name, pattern if ":" in pattern else f"{pattern}:*") for pattern in patterns):
                yield contest


def clones_of(folders: Sequence[Path]) -> dict[str, Path]:
    """The clones by their peers' names. Raises: UserError for a folder that is none."""
    from clrface.errors import UserError

    found: dict[str, Path] = {}
    for folder in folders:
        path = folder.expanduser().resolve()
        peer = next((name for name, mark in MARKS.items() if (path / mark).is_file()), None)
        if peer is None:
            raise UserError(f"{folder} is no clone of {', '.join(MARKS)}. Give the folder that git cloned.")
        found[peer] = path
    return found


def machine(options: argparse.Namespace) -> str:
    """What the figures depend on."""
    load = f"{os.getloadavg()[0]:.1f} processes wait for its {os.cpu_count()} cores"
    shape = (
        f"{options.images} images of {options.size}x{options.size}, {options.turns} turns, {options.threads} threads, seed {options.seed}"
    )
    return f"{_processor()}, Python {platform.python_version()}; {load}{f', {options.state}' if options.state else ''}. {shape}."


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _tell(name: str, what: str) -> None:
    print(f"{name}: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
