"""Ours and a peer in turns: the arithmetic by hand, a peer's process, its failures, and the table."""

import csv
import io
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import side_by_side
from benchmarks.side.peer import NotRunError, Peer
from benchmarks.side.rows import Contest, Row, Spread, Tolerance, largest_difference, to_csv, to_markdown
from benchmarks.side.task import Seconds, Task, held_to, timed
from benchmarks.side.turns import LEAST_TURN_S, repeats_for, run_contest
from benchmarks.side_by_side import clones_of, main
from clrface.errors import UserError

VALUES = [1.0, 2.0, 3.0]


def contest(task: str = "squares", options: dict[str, Any] | None = None, **more: Any) -> Contest:
    return Contest(
        "toy",
        "squares",
        "peer",
        "its squares",
        lambda: Task(lambda: [value**2 for value in VALUES]),
        f"tests.unit.side_peer:{task}",
        {"values": VALUES} if options is None else options,
        len(VALUES),
        Tolerance(absolute=0.5),
        **more,
    )


def row(ours: list[float], theirs: list[float], **more: Any) -> Row:
    """Turns of so many seconds; the processor's are half of them for ours, and the same for theirs."""
    of_ours = [Seconds(wall, wall / 2) for wall in ours]
    return Row(contest(**more), "1.0", of_ours, [Seconds(wall, wall) for wall in theirs], 0.25, True)


# ---- arithmetic


def test_ratios_and_their_spread_by_hand() -> None:
    """Pairs of turns: 6 / 2, 4 / 4, 9 / 1; their median is 3, not the ratio of the medians, 6 / 2, by chance the same; nor of the sums."""
    found = row([2, 4, 1], [6, 4, 9])
    assert found.ratio == Spread(3, 1, 9)
    assert found.processor_ratio == 6
    assert found.an_image == (2 / 3, 6 / 3)
    assert row([2, 4], [6, 4]).ratio == Spread(2, 1, 3)
    assert all(map(math.isnan, row([], []).ratio))


@pytest.mark.parametrize(
    ("theirs", "aim", "verdict"),
    [
        ([2, 2, 2], 2, "aim 2: met"),
        ([1, 1, 3], 2, "aim 2: within the spread"),
        ([1, 1, 1], 2, "aim 2: MISSED"),
        ([1, 1, 1], None, ""),
    ],
)
def test_verdicts(theirs: list[float], aim: float | None, verdict: str) -> None:
    assert row([1, 1, 1], theirs, aim=aim).verdict == verdict


def test_tolerances_by_hand() -> None:
    theirs = np.array([10.0, 0.0])
    assert Tolerance(absolute=0.1).holds(theirs + 0.1, theirs)
    assert not Tolerance(absolute=0.1).holds(theirs + 0.11, theirs)
    assert Tolerance(relative=0.1).holds(np.array([11.0, 0.0]), theirs)
    assert not Tolerance(relative=0.1).holds(np.array([10.0, 1e-9]), theirs)
    assert not Tolerance(absolute=9).holds(theirs[:1], theirs)
    assert not Tolerance(absolute=9).holds(np.array([math.nan, 0.0]), theirs)
    assert str(Tolerance(1, 0.1, "of 255")) == "1 of 255 + 0.1 of it"


def test_differences_of_bytes_don_t_wrap() -> None:
    assert largest_difference(np.array([0], np.uint8), np.array([255], np.uint8)) == 255
    assert math.isnan(largest_difference(np.zeros(2), np.zeros(3)))


def test_short_turns_are_repeated_and_told_of_one_run() -> None:
    assert repeats_for(LEAST_TURN_S / 4) == 4
    assert repeats_for(10 * LEAST_TURN_S) == 1
    runs: list[float] = []
    taken = timed(lambda: (runs.append(0), time.sleep(0.02)), 3)
    assert len(runs) == 3
    assert 0.02 <= taken.wall < 0.05 and taken.processor < 0.02


def test_threads_are_held_and_given_back() -> None:
    before, cores = dict(os.environ), os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with held_to(1):
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert not cores or os.sched_getaffinity(0) == {min(cores)}
    assert dict(os.environ) == before
    assert not cores or os.sched_getaffinity(0) == cores


# ---- a peer's process


def test_turns_alternate_and_outcomes_are_compared(tmp_path: Path) -> None:
    told: list[str] = []
    found = run_contest(contest(), Path(sys.executable), tmp_path, 2, told.append)
    assert told == ["the peer starts", "warm-up of the peer", "warm-up of ours", "turn 1 of 2", "turn 2 of 2"]
    assert len(found.ours) == len(found.theirs) == 2 and found.ratio.median > 0
    assert found.agrees and found.apart == 0
    off = run_contest(contest(options={"values": VALUES, "wrong_by": 0.6}), Path(sys.executable), tmp_path, 1, told.append)
    assert not off.agrees and off.apart == pytest.approx(0.6) and off.verdict == "DIFFERS"


@pytest.mark.parametrize(
    ("task", "why"),
    [("missing", "ModuleNotFoundError: No module named 'no_such_package_anywhere'"), ("dying", "its process ended with 3")],
)
def test_a_peer_that_can_t_run_is_a_row_that_says_so(task: str, why: str, tmp_path: Path) -> None:
    found = run_contest(contest(task, {}), Path(sys.executable), tmp_path, 1, print)
    assert found.verdict == f"not run: {why}"
    assert f"| not run: {why} |" in to_markdown([found], "")


def test_packages_are_looked_for_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "clone" / "cloned_package").mkdir(parents=True)
    (tmp_path / "clone" / "cloned_package" / "__init__.py").touch()

    def never() -> None:
        raise AssertionError

    asked = contest(needs=("cloned_package", "no_such_package"), clones=(tmp_path / "clone",), prepare=never)
    found = run_contest(asked, Path(sys.executable), tmp_path, 1, print)
    assert found.why == "no no_such_package in the environment of --python, nor in a clone given by --peer"


def test_a_peer_takes_the_threads_and_may_print(tmp_path: Path) -> None:
    with held_to(1), Peer(Path(sys.executable), tmp_path) as peer:
        assert peer.make("tests.unit.side_peer:chatter", "numpy", {}) == np.__version__
        assert peer.outcome().tolist() == [1.0]
        assert peer.seconds(2).wall > 0
        if hasattr(os, "sched_getaffinity"):
            peer.make("tests.unit.side_peer:surroundings", "", {})
            assert peer.outcome().tolist() == [1.0, 1.0]
        with pytest.raises(NotRunError, match="KeyError: 'task'"):
            peer._ask(do="make")


# ---- table and command


def test_the_tables() -> None:
    rows = [row([2, 2], [4, 8], aim=5.0, weights="random", note="a note"), Row(contest(), why="KeyError: 1")]
    first, second = csv.DictReader(io.StringIO(to_csv(rows)))
    assert (first["ratio"], first["ratio_lowest"], first["ratio_highest"], first["ratio_processor"]) == ("3.0", "2.0", "4.0", "6.0")
    assert (first["aim"], first["verdict"], first["largest_difference"]) == ("5", "aim 5: MISSED; a note", "0.25")
    assert (second["ratio"], second["verdict"]) == ("", "not run: KeyError: 1")
    lines = to_markdown(rows, "A machine.").splitlines()
    assert lines[0] == "A machine."
    expected = "| toy | squares | peer 1.0: its squares | 3 | 0.667 | 2 | **3.00** (2.00 to 4.00) | 6.00 | 2.5e-01 (0.5) | random |"
    assert lines[4] == f"{expected} aim 5: MISSED; a note |"
    assert {line.count("|") for line in lines[2:]} == {12}


def test_clones_are_known_by_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a" / "basicsr" / "data").mkdir(parents=True)
    (tmp_path / "a" / "basicsr" / "data" / "degradations.py").touch()
    assert clones_of([tmp_path / "a"]) == {"BasicSR": tmp_path / "a"}
    with pytest.raises(UserError, match=r"b is no clone of CodeFormer, GFPGAN, BasicSR\. Give the folder that git cloned"):
        clones_of([tmp_path / "b"])
    assert main(["--peer", str(tmp_path / "b"), "--out", str(tmp_path / "out")]) == 2
    assert "is no clone of" in capsys.readouterr().err


@pytest.mark.parametrize(("wrong_by", "code", "told"), [(0.0, 0, ""), (0.6, 1, "DIFFERS")])
def test_a_run_writes_both_tables_and_returns_1_for_a_difference(
    wrong_by: float, code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [contest(options={"values": VALUES, "wrong_by": wrong_by}), contest("missing", {})]
    monkeypatch.setattr(side_by_side, "_contests", lambda *_: iter(asked))
    assert main(["--turns", "1", "--threads", "1", "--state", "idle", "--out", str(tmp_path / "speed")]) == code
    printed = capsys.readouterr()
    assert printed.out == (tmp_path / "speed" / "speed.md").read_text(encoding="utf-8")
    assert "cores, idle. 8 images of 512x512, 1 turns, 1 threads, seed 0." in printed.out
    assert "toy:squares: turn 1 of 1" in printed.err
    first, second = csv.DictReader(io.StringIO((tmp_path / "speed" / "speed.csv").read_text(encoding="utf-8")))
    assert first["verdict"] == told and float(first["ratio"]) > 0
    assert second["verdict"].startswith("not run: ModuleNotFoundError")
