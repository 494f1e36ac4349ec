"""Read the index of a chunk of aligned faces."""

import csv
from pathlib import Path

INDEX = "index.csv"


def read_index(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a chunk's index.csv, by column: `image_id`, `status`, ...
    (clrface.align.chunk).

    Raises: FileNotFoundError for a folder without index.
    """
    with (Path(folder) / INDEX).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
