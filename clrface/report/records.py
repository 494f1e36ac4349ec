"""Where the page's numbers and images come from, file by file: checksum and run time."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.tables.provenance import lq_checksum
from clrface.tables.table import Table


@dataclass(frozen=True)
class Places:
    """The two folders that a run fills."""

    results: Path = Path("results")
    data: Path = Path("data")

    def aligned(self, dataset: str) -> Path:
        return self.data / "aligned" / dataset

    def degraded(self, dataset: str, degradation: str) -> Path:
        return self.data / "degraded" / dataset / degradation

    def restored(self, dataset: str, degradation: str, row: str, seed: int) -> Path:
        return self.results / "restored" / dataset / degradation / row / str(seed)

    def scores(self, dataset: str, degradation: str, row: str, seed: int, metric: str) -> Path:
        return self.results / "scores" / dataset / degradation / row / str(seed) / f"{metric}.csv"


@dataclass(frozen=True)
class Record:
    """A file, or the images of a folder, that the page is made from."""

    path: str
    images: int | None
    """How many images a folder has; None for a file."""
    sha256: str
    """Of the file; of a folder as of a degraded set in the table's json.

    Empty for a folder without images.
    """
    seconds: float | None
    """What its jobs took, together; None where they left no benchmark."""


def records(tables: Sequence[Table], places: Places, chunks: Mapping[str, Sequence[str]]) -> dict[str, list[Record]]:
    """The records of everything behind `tables`, by kind; each file once."""
    groups = {
        "Tables": [_file(places, f"{t.name}.json", [f"tabulate/{t.name}"]) for t in tables],
        "Aligned faces": list(_aligned(tables, places, chunks)),
        "Degraded faces": list(_degraded(tables, places, chunks)),
        "Restored faces": list(_restored(tables, places, chunks)),
        "Scores": list(_scores(tables, places)),
    }
    return {kind: list({one.path: one for one in members}.values()) for kind, members in groups.items()}


def run_seconds(benchmarks: Path, jobs: Sequence[str]) -> float | None:
    """What the named jobs took together, in seconds (`*/orl...`: whatever the rule); None if one
    left no benchmark.
    """
    each = [_seconds(next(iter(sorted(benchmarks.glob(f"{job}.tsv"))), None)) for job in jobs]
    known = [seconds for seconds in each if seconds is not None]
    return sum(known) if len(known) == len(each) > 0 else None


def _seconds(path: Path | None) -> float | None:
    if path is None:
        return None
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    try:
        return float(rows[-1]["s"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise UserError(f"{path} is no benchmark of Snakemake's: expected a column 's' with seconds. Delete it.") from None


def _aligned(tables: Sequence[Table], places: Places, chunks: Mapping[str, Sequence[str]]) -> Iterator[Record]:
    for table in tables:
        for dataset, _, _ in table.blocks():
            yield _folder(places, places.aligned(dataset), chunks[dataset], f"align/{dataset}")


def _degraded(tables: Sequence[Table], places: Places, chunks: Mapping[str, Sequence[str]]) -> Iterator[Record]:
    for table in tables:
        for dataset, degradation, _ in table.blocks():
            yield _folder(places, places.degraded(dataset, degradation), chunks[dataset], f"degrade/{dataset}.{degradation}")


def _restored(tables: Sequence[Table], places: Places, chunks: Mapping[str, Sequence[str]]) -> Iterator[Record]:
    for table in tables:
        for row in table.rows:
            for seed in row.seeds:
                folder = places.restored(row.dataset, row.degradation, row.method, seed)
                yield _folder(places, folder, chunks[row.dataset], f"restore/{row.dataset}.{row.degradation}.{row.method}.{seed}")


def _scores(tables: Sequence[Table], places: Places) -> Iterator[Record]:
    for table in tables:
        for row in table.rows:
            for seed in row.seeds:
                for card in table.metrics:
                    path = places.scores(row.dataset, row.degradation, row.method, seed, card.id).relative_to(places.results)
                    job = f"*/{row.dataset}.{row.degradation}.{row.method}.{seed}.{card.id}"
                    if (places.results / path).is_file():  # none for a metric that needs a truth where there is none
                        yield _file(places, str(path), [job])


def _file(places: Places, name: str, jobs: Sequence[str]) -> Record:
    path = places.results / name
    return Record(path.as_posix(), None, sha256_file(path), run_seconds(places.results / "benchmarks", jobs))


def _folder(places: Places, folder: Path, chunks: Sequence[str], job: str) -> Record:
    images = {path.stem: path for chunk in chunks for path in (folder / chunk).glob("*.png") if not path.name.startswith(".")}
    seconds = run_seconds(places.results / "benchmarks", [f"{job}.{chunk}" for chunk in chunks])
    return Record(folder.as_posix(), len(images), lq_checksum(images) if images else "", seconds)
