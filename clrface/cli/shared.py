"""What several commands and steps need: options, devices, threads, a chunk's image ids."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clrface.api import OK
from clrface.cli.parts import PATH, JsonText, path_option

if TYPE_CHECKING:
    from clrface.tables.table import Table

RAW = Path("data/raw")
OUT = path_option("--out", "The file, or folder, that is written.", required=True)
RAW_OPTION = path_option("--raw", "The folder of fetched sources.", default=RAW, show_default=True)
CACHE = path_option("--cache", "A folder that keeps networks' features for other metrics and rows; with it, a stopped `evaluate` goes on.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
WEIGHTS = click.option("--weights", default="shipped", show_default=True, help="shipped, fit, a folder, or a Hugging Face id.")
TABLE = click.argument("table", type=PATH)
TABLES = click.argument("tables", type=PATH, nargs=-1)


def face_sets(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where a run's faces lie."""
    spec = 'JSON: {"chunks": {dataset: [...]}, "same_as": {"@input": row}, "without_truth": [dataset]}.'
    command = path_option("--data", "The run's folder of data.", default=Path("data"), show_default=True)(command)
    command = path_option("--results", "The run's folder of results.", default=Path("results"), show_default=True)(command)
    return click.option("--spec", type=JsonText(), required=True, help=spec)(command)


def finished_table(path: Path) -> "Table":
    """A finished table. Raises: UserError for a file that is none."""
    from clrface.tables.table import read_table, table_from_json

    return table_from_json(read_table(path))


def image_ids(chunk: Path, only_ok: bool = False) -> list[str]:
    """The image ids of an aligned chunk, in order. only_ok: without those that could not be aligned."""
    from clrface.align.index import read_index

    return [row["image_id"] for row in read_index(chunk) if not only_ok or row["status"] == OK]


def set_threads() -> None:
    """Give torch as many threads as the job has."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
