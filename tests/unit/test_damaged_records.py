"""Damaged records beside data and weights: one message that names the file; or what it tells of is made again, where it can be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clrface.errors import UserError
from clrface.fetch import is_fetched
from clrface.fetch.download import read_list
from clrface.fetch.lock import with_lock
from clrface.files import read_lines
from clrface.fingerprint import ROOT
from clrface.generate.faces import Drawing, generate_faces
from clrface.intact import RECORD, SUMS, intact, shipped_intact
from clrface.tables.reproduce import MACHINE, reproduce
from clrface.trained import read_record
from tests.shelf import ALL, Place, Shelf, at

DAMAGED = {"empty": b"", "cut": b'{"a": {"b"', "a list": b"[1]", "a number": b"7", "no utf-8": b"\xbe", "other keys": b'{"a": {}}'}
FIRST_USE = {"kind": "url", "url": "file:///toy.zip", "sha256": "on_first_use", "bytes": None}


def in_folder(read: Callable[[Path], object]) -> Callable[[Path, Place], object]:
    return lambda path, place: read(path.parent / "x")


READERS: dict[str, Callable[[Path, Place], object]] = {
    "training.json": lambda path, place: read_record(path.parent),
    RECORD: in_folder(intact),
    SUMS: in_folder(shipped_intact),
    "generated.json": lambda path, place: generate_faces(Drawing(count=1), path.parent, path.parent),
    "mirror.json": lambda path, place: read_list(path),
    "sources.lock.json": lambda path, place: with_lock(place.sources(FIRST_USE)["toy"], path),
    MACHINE: lambda path, place: reproduce(path.parent, path.parent),
}


WHOLE = {(SUMS, "empty"), (SUMS, "cut"), (SUMS, "other keys"), (MACHINE, "other keys")}
"""Lines of two words are sums, and a machine may lack any entry."""


@pytest.mark.parametrize(("name", "damage"), sorted({(name, damage) for name in READERS for damage in DAMAGED} - WHOLE))
def test_a_damaged_record_is_named(name: str, damage: str, place: Place) -> None:
    folder = place.base / "folder"
    folder.mkdir()
    shutil.copy(ROOT / "results/reference/embedded/tolerances.yaml", folder)
    (folder / "x").write_bytes(b"mine")
    (folder / name).write_bytes(DAMAGED[damage])
    with pytest.raises(UserError, match=rf"{folder}.*([Rr]emove|again|git checkout)"):
        READERS[name](folder / name, place)


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_source_with_a_damaged_record_is_fetched_again(content: bytes, place: Place, shelf: Shelf) -> None:
    sources = place.sources(at(f"{shelf.url}/toy.zip"))
    place.fetch(sources)
    (place.toy / RECORD).write_bytes(content)
    assert not is_fetched(sources["toy"], place.raw)
    place.fetch(sources)
    assert is_fetched(sources["toy"], place.raw) and place.files() == ALL


@pytest.mark.parametrize("record", [{"stage": "irn"}, {"steps": "many", "batch": 4}])
def test_a_training_without_its_steps_is_no_record(record: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"Can't read .*training\.json \('steps'.*\)\. It is damaged"):
        read_record(tmp_path)


def test_a_log_counts_its_whole_entries(tmp_path: Path) -> None:
    log = tmp_path / "losses.jsonl"
    assert read_lines(log) == []
    log.write_bytes(b'{"step": 1}\nno json}\n[1]\n\xbe\n\n{"step": 2}\n{"step": 3')
    assert read_lines(log) == [{"step": 1}, {"step": 2}]
