"""The records beside weights: what a stage and all that it started from have seen."""

import json
from pathlib import Path

import pytest

from clrface.fingerprint import ROOT
from clrface.tables.provenance import weight_checksums
from clrface.trained import Seen, read_record, seen, seen_by_all


def write(folder: Path, **record: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(json.dumps(record))
    return folder


def test_a_start_counts_too() -> None:
    first = {"steps": 100, "batch": 8, "processor_s": 60.0}
    assert seen({"steps": 10, "batch": 16, "processor_s": 5.0, "start": first}) == Seen(110, 960, 65.0)


def test_networks_together(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", steps=10, batch=4, processor_s=1.5), write(tmp_path / "two", steps=20, batch=2, processor_s=2.5)
    assert seen_by_all([one, two]) == Seen(30, 80, 4.0)


def test_what_no_record_says_is_unknown(tmp_path: Path) -> None:
    one, old = write(tmp_path / "one", steps=10, batch=4, processor_s=1.5), write(tmp_path / "old", steps=20, batch=2)
    assert seen_by_all([one, old]) == Seen(30, 80, None)
    assert seen_by_all([one, tmp_path / "nothing"]) is None and seen_by_all([]) is None
    assert read_record(tmp_path / "nothing") is None


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("training.json")), ids=lambda path: path.parent.name)
def test_the_shipped_weights_say_what_they_cost(path: Path) -> None:
    record = json.loads(path.read_text())
    total = seen(record)
    assert record["stage"] == path.parent.name and total.images > 0 and (total.processor_s or 0) > 0


def test_how_weights_were_trained_is_no_part_of_them() -> None:
    """Their checksums are what a reference table was made of; a record beside them must not make it another table."""
    reference = json.loads((ROOT / "results/reference/embedded/table1.json").read_text())["weights"]
    assert reference == {method: weight_checksums(ROOT / "models" / method) for method in reference}
