"""A run that is killed, and one whose disk fills up, as `benchmarks/chaos.py` makes them by the hundred."""

import os
from pathlib import Path

import pytest

from benchmarks.breaking import runs
from benchmarks.breaking.ledger import RIGHT, Part, judged
from clrface.seeds import generator

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("sources")]


@pytest.mark.parametrize("forks", runs.FORKS)
def test_a_killed_run_ends_with_the_same_table(forks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FORKS", (forks,))
    what, outcome, said = judged(Part("kills", runs.kill_trial, 900), generator(0, "chaos", "kills", "0"), tmp_path)
    assert outcome == RIGHT and said.endswith(" kills"), f"{what}: {outcome}, {said}"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system in memory, which only root may")
@pytest.mark.parametrize("kib", [30, 190])
def test_a_full_disk_is_told_and_a_larger_one_goes_on(kib: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 30 KiB the first logs don't fit, at 190 the table."""
    monkeypatch.setattr(runs, "FULL_KIB", (kib, kib + 1))
    what, outcome, said = judged(Part("disks", runs.disk_trial, 900), generator(0, "test", "disk"), tmp_path)
    assert (what, outcome, said) == (f"a disk of {kib} KiB", RIGHT, "full")
