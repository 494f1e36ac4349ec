"""Breaking it on purpose, in short: a few trials of each kind that needs no whole run; and what counts as which outcome."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.breaking.images import KINDS, _judge, _pixels
from benchmarks.breaking.ledger import Attempt, Part, Wrong, judged, read_book, run_part
from benchmarks.breaking.sources import MEMBERS, _fetch, _packed
from benchmarks.chaos import main
from clrface.errors import UserError
from clrface.fetch.install import MIRRORS_VARIABLE
from clrface.seeds import generator
from tests.shelf import sum_of

RNG = generator(0, "test", "chaos")


def refusing() -> None:
    raise UserError("Found a, expected b. Do c.")


def telling_a_traceback() -> None:
    raise UserError("Traceback (most recent call last):\n  ...")


def wrong() -> None:
    raise Wrong("another number")


def broken() -> None:
    raise KeyError("x")


def hanging() -> None:
    time.sleep(5)


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (lambda: None, "right"),
        (refusing, "refused"),
        (telling_a_traceback, "traceback"),
        (wrong, "wrong"),
        (broken, "traceback"),
        (hanging, "hang"),
    ],
)
def test_outcomes(run: Callable[[], None], outcome: str, tmp_path: Path) -> None:
    part = Part("toy", lambda rng, folder: Attempt("what", run), limit_s=0.2)
    assert judged(part, RNG, tmp_path)[:2] == ("what", outcome)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    tried: list[float] = []

    def trial(rng: np.random.Generator, folder: Path) -> Attempt:
        return Attempt("number", lambda: tried.append(rng.random()))

    part = Part("toy", trial)
    run_part(part, 3, 0, tmp_path, lambda trial: tmp_path)
    assert run_part(part, 5, 0, tmp_path, lambda trial: tmp_path) == {"right": 5} and len(tried) == len(set(tried)) == 5
    assert list(read_book(tmp_path / "toy.csv")) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_reader_that_were_wrong_would_be_found(kind: str, tmp_path: Path) -> None:
    """Each kind of image file, judged by pixels that are not its own."""
    rng = generator(0, "test", "chaos", kind)
    case = KINDS[kind](rng, _pixels(rng))
    other = np.zeros((5, 4, 3), np.uint8) if case.expected is None else 255 - case.expected[:, :-1]
    with pytest.raises(Wrong):
        _judge(tmp_path, case._replace(expected=other), case.content, whole=True)


def test_a_right_file_in_a_mirror_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = _packed(".zip", MEMBERS)
    for name in ("mirror", "trial"):
        (tmp_path / name).mkdir()
    (tmp_path / "mirror/toy.zip").write_bytes(content)
    monkeypatch.setenv(MIRRORS_VARIABLE, str(tmp_path / "mirror"))
    entry = {"members": ["*.bin"], "files": 3, "licence": "none", "citation": "none"}
    place = {"kind": "url", "file": "toy.zip", "sha256": sum_of(content)}
    with pytest.raises(UserError, match="Can't get source 'toy'"):
        _fetch(tmp_path / "trial", "toy", entry, place, b"", None)
    assert os.environ[MIRRORS_VARIABLE] == str(tmp_path / "mirror")


def test_a_short_form_finds_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--sources", "60", "--weights", "60", "--configs", "40", "--images", "150", "--seed", "1", "--out", str(tmp_path)]
    assert main(words) == 0, [path.read_text() for path in tmp_path.glob("*.csv")]
    said = capsys.readouterr().out
    assert said == (tmp_path / "table.md").read_text() and "| images | 150 |" in said
    for line in said.splitlines()[2:]:
        trials, right, refused = (int(cell) for cell in line.split("|")[2:5])
        assert right + refused == trials and min(right, refused) > 0, line
