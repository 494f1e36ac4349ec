"""Packing what a run needs into one folder, and fetching from that folder alone."""

import json
from pathlib import Path

import pytest

from clrface.errors import UserError
from clrface.fetch.mirror import pack
from clrface.fetch.sizes import tell_sizes
from tests.shelf import ALL, ARCHIVE, AT_ONCE, CLOSED, Place, Shelf, at, sum_of


def packed(place: Place, shelf: Shelf, **archive: object) -> Path:
    """A folder with the toy's archive, after which the server is down: the entry's address leads nowhere."""
    to = place.base / "mirror"
    pack(["toy"], place.sources({**at(f"{shelf.url}/toy.zip"), **archive}), to, place.raw, place.downloads, (), AT_ONCE)
    return to


def elsewhere(place: Place) -> Place:
    """Another machine: the same clrface/catalogue/sources.yaml, nothing fetched."""
    other = Place(place.base / "other")
    other.base.mkdir()
    return other


UNKNOWN = {"sha256": "on_first_use", "bytes": None}


@pytest.mark.parametrize("unknown", [False, True])
def test_the_folder_alone_is_enough(place: Place, shelf: Shelf, unknown: bool) -> None:
    to = packed(place, shelf, **(UNKNOWN if unknown else {}))
    [entry] = json.loads((to / "mirror.json").read_text())["archives"]
    origin = f"url {shelf.url}/toy.zip"
    assert entry == {
        "source": "toy", "file": "toy.zip", "name": "toy.zip", "sha256": sum_of(ARCHIVE), "bytes": len(ARCHIVE), "from": origin
    }  # fmt: skip
    assert (to / "toy.zip").samefile(place.downloads / "toy" / "toy.zip"), "linked, where the disk is the same"
    other = elsewhere(place)
    other.fetch(other.sources({**at(f"{CLOSED}/toy.zip"), **(UNKNOWN if unknown else {})}), to)
    assert other.files() == ALL


def test_a_damaged_copy_of_unknown_sum_is_seen_by_the_list(place: Place, shelf: Shelf) -> None:
    to = packed(place, shelf, **UNKNOWN)
    (to / "toy.zip").unlink()
    (to / "toy.zip").write_bytes(ARCHIVE[:-1] + b"!")
    other = elsewhere(place)
    with pytest.raises(UserError, match="no file with this checksum"):
        other.fetch(other.sources({**at(f"{CLOSED}/toy.zip"), **UNKNOWN}), to)
    assert not (other.base / "sources.lock.json").exists()


def test_an_archive_of_the_same_name_is_packed_beside(place: Place, shelf: Shelf) -> None:
    to = place.base / "mirror"
    to.mkdir()
    (to / "toy.zip").write_bytes(b"another source's")
    packed(place, shelf)
    assert (to / f"{sum_of(ARCHIVE)[:12]}-toy.zip").read_bytes() == ARCHIVE
    assert (to / "toy.zip").read_bytes() == b"another source's"
    other = elsewhere(place)
    other.fetch(other.sources({**at(f"{CLOSED}/toy.zip")}), to)
    assert other.files() == ALL


def test_packing_again_adds_nothing(place: Place, shelf: Shelf) -> None:
    to = packed(place, shelf)
    before = {path.name: path.read_bytes() for path in to.iterdir()}
    packed(place, shelf)
    assert {path.name: path.read_bytes() for path in to.iterdir()} == before and len(shelf.asked) == 1


def test_a_folder_of_ones_own_is_left_out_and_said(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.base / "mine" / "top").mkdir(parents=True)
    (place.base / "mine" / "top" / "a.bin").write_bytes(b"a")
    mine = {"kind": "folder", "path": "mine", "file": None, "sha256": None, "bytes": None}
    pack(["toy"], place.sources(mine, files=1), place.base / "mirror", place.raw, place.downloads, (), AT_ONCE)
    assert "a folder of yours, not an archive: take it along by hand" in capsys.readouterr().err
    assert json.loads((place.base / "mirror" / "mirror.json").read_text()) == {"archives": []}


def test_an_unknown_source_is_said_before_any_work(place: Place, shelf: Shelf) -> None:
    with pytest.raises(UserError, match="Did you mean 'toy'"):
        pack(["toy", "toys"], place.sources(at(f"{shelf.url}/toy.zip")), place.base / "mirror", place.raw, place.downloads)
    assert shelf.asked == []


def test_the_size_is_told_beforehand(place: Place, shelf: Shelf) -> None:
    known = place.sources(at(f"{shelf.url}/toy.zip"))["toy"]
    unknown = place.sources({**at(f"{shelf.url}/toy.zip"), **UNKNOWN})["toy"]
    text = tell_sizes([known, unknown], place.raw)
    assert f"In all {len(ARCHIVE):,} bytes to download, and 1 of unknown size" in text and "size not published" in text
    sources = place.sources(at(f"{shelf.url}/toy.zip"))
    place.fetch(sources)
    assert tell_sizes([sources["toy"]], place.raw) == "All 1 sources are there; nothing to fetch."
