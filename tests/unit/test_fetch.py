"""Fetching from real servers on the loopback: entries, downloads that break off, putting in place."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from clrface.errors import UserError
from clrface.fetch import entry_digest, fetch, is_fetched, load_sources
from clrface.fingerprint import ROOT
from tests.shelf import ALL, ARCHIVE, CLOSED, COMMIT, MEMBERS, PAGE, Place, Shelf, at, sum_of, zipped

# Entries


def test_the_projects_own_entries_load() -> None:
    sources = load_sources(ROOT / "clrface/catalogue/sources.yaml")
    assert {name: source.files for name, source in sources.items() if source.faces} == {
        "celeba_test": 3000, "celeba_test_lq_gfpgan": 3000, "celeba_test_lq_daefr": 3000, "lfw_test": 1711, "webphoto_test": 407,
        "wider_test": 970, "celebchild_test": 180, "ffhq512": 70000, "lfw": 7701,
    }  # fmt: skip
    packaged = {"orl": 400, "sface": 1, "dlib": 3, "stlpips": 2, "niqe": 1, "effnet": 1}
    assert {name: sources[name].files for name in packaged} == packaged
    assert all(archive.sha256 for name in ("celebchild_test", "adaface", "awing_fan") for archive in sources[name].archives)
    assert sources["lfw25"].manifest and sources["lfw_pairs"].files == 1
    assert {archive.first_use for name in packaged for archive in sources[name].archives} == {False}
    expected = sources["utkface"].expected()
    assert expected
    assert all(name.endswith(".chip.jpg") and len(digest) == 64 for name, digest in expected.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha265": "0" * 64}, r"toy\.archives\[0\]: Unknown key 'sha265'\. Did you mean 'sha256'\?"),
        ({"kind": "pipy"}, r"toy\.archives\[0\]\.kind: Unknown value 'pipy'\. Did you mean 'pypi'\?"),
        ({"sha256": "abc"}, r"toy\.archives\[0\]\.sha256: 'abc' does not match"),
        ({"sha256": None}, r"toy\.archives\[0\]: 'sha256' is a required property"),
        ({"url": "ftp://somewhere/x"}, r"toy\.archives\[0\]\.url: 'ftp://somewhere/x' does not match"),
        ({"file": "../toy.zip"}, r"toy\.archives\[0\]\.file"),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_path(place: Place, change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        place.sources({**at("http://localhost/toy.zip"), **change})


def test_an_archive_that_nothing_checks_is_refused(place: Place) -> None:
    github = {"kind": "github", "repository": "a/b", "commit": COMMIT, "sha256": None, "bytes": None}
    with pytest.raises(UserError, match="so nothing would be checked"):
        place.sources(github)


def test_a_missing_or_unreadable_list_is_said(place: Place) -> None:
    with pytest.raises(UserError, match="Expected the list of sources there"):
        load_sources(place.config)
    place.config.write_text("toy: [")
    with pytest.raises(UserError, match="is not valid YAML"):
        load_sources(place.config)


def test_an_unknown_source_gets_the_nearest_name(place: Place) -> None:
    with pytest.raises(UserError, match=r"Unknown source 'toys'\. Did you mean 'toy'\?"):
        fetch("toys", place.sources(at("http://localhost/x")), place.raw, place.downloads)


def test_the_digest_follows_what_decides_the_files(place: Place) -> None:
    manifest = place.base / "manifest.csv"

    def digest(sha256: str = "1" * 64, **entry: Any) -> str:
        manifest.write_text(f"image_id,file,split,sha256\na,a.bin,{entry.pop('split', 'train')},{sha256}\n")
        return entry_digest(place.sources(at("http://localhost/x"), manifest="manifest.csv", **entry)["toy"])

    assert digest() == digest(licence="another", citation="another", about="text", split="val")
    assert len({digest(), digest(members=["a.bin"]), digest(sha256="2" * 64), digest(max_bytes=5)}) == 4


# A file at an address


def test_fetches_once_and_then_does_nothing(place: Place, shelf: Shelf) -> None:
    sources = place.sources(at(f"{shelf.url}/toy.zip"))
    record = place.fetch(sources)
    assert record == place.toy / "SOURCE.json"
    assert place.files() == ALL
    written = json.loads(record.read_text())
    assert written["members"]["a.bin"] == {"sha256": sum_of(ALL["a.bin"]), "bytes": 40_000}
    assert (place.downloads / "toy" / "toy.zip").read_bytes() == ARCHIVE
    assert place.leftovers() == []
    times = {path: path.stat().st_mtime_ns for path in place.base.rglob("*")}
    assert place.fetch(sources) == record
    assert {path: path.stat().st_mtime_ns for path in place.base.rglob("*")} == times
    assert shelf.asked == [("/toy.zip", None)]


def test_goes_on_where_the_server_stopped(place: Place, shelf: Shelf) -> None:
    shelf.cut_at = [50_000, 30_000]
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL
    assert shelf.asked == [("/toy.zip", None), ("/toy.zip", "bytes=50000-"), ("/toy.zip", "bytes=80000-")]


def test_a_connection_that_just_ends_is_gone_on_with(place: Place, shelf: Shelf) -> None:
    shelf.cut_at, shelf.announces_length = [50_000], False
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL
    assert shelf.asked == [("/toy.zip", None), ("/toy.zip", "bytes=50000-")]


def test_goes_on_where_a_killed_run_stopped(place: Place, shelf: Shelf) -> None:
    (place.downloads / "toy").mkdir(parents=True)
    (place.downloads / "toy" / "toy.zip.part").write_bytes(ARCHIVE[:70_000])
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL
    assert shelf.asked == [("/toy.zip", "bytes=70000-")]


def test_a_complete_part_needs_no_server(place: Place) -> None:
    (place.downloads / "toy").mkdir(parents=True)
    (place.downloads / "toy" / "toy.zip.part").write_bytes(ARCHIVE)
    place.fetch(place.sources(at(f"{CLOSED}/toy.zip")))
    assert place.files() == ALL


@pytest.mark.parametrize("left", [b"another file" * 1000, b"longer than the file" * 10_000])
def test_the_beginning_of_another_file_is_dropped(place: Place, shelf: Shelf, left: bytes) -> None:
    (place.downloads / "toy").mkdir(parents=True)
    (place.downloads / "toy" / "toy.zip.part").write_bytes(left)
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL
    assert shelf.asked == [("/toy.zip", f"bytes={len(left)}-"), ("/toy.zip", None)]


def test_starts_again_where_the_server_knows_no_ranges(place: Place, shelf: Shelf) -> None:
    shelf.ranges, shelf.cut_at = False, [50_000]
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(place: Place, shelf: Shelf, status: int) -> None:
    shelf.statuses = [status, status]
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL


def test_gives_up_after_three_tries_and_says_so(place: Place, shelf: Shelf) -> None:
    shelf.statuses = [503] * 9
    with pytest.raises(UserError, match="the server answered 503"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert len(shelf.asked) == 3


def test_a_missing_file_is_asked_for_once(place: Place, shelf: Shelf) -> None:
    with pytest.raises(UserError, match="the server answered 404"):
        place.fetch(place.sources(at(f"{shelf.url}/moved.zip")))
    assert len(shelf.asked) == 1
    assert not place.toy.exists()


def test_no_network_and_no_mirror_says_how_to_go_on(place: Place) -> None:
    empty = place.base / "mirror"
    empty.mkdir()
    with pytest.raises(UserError) as caught:
        place.fetch(place.sources(at(f"{CLOSED}/toy.zip"), at(f"{CLOSED}/again.zip")), empty, place.base / "unplugged")
    text = str(caught.value)
    for part in (
        "source 'toy'",
        f"url {CLOSED}/toy.zip: ",
        f"url {CLOSED}/again.zip: ",
        "Connection refused",
        f"mirror {empty}: no file with this checksum",
        "unplugged: no such folder",
        f"toy.zip with {len(ARCHIVE):,} bytes with sha256 {sum_of(ARCHIVE)}, from {CLOSED}/toy.zip",
        "`mirrors:`",
        "CLRFACE_MIRRORS",
    ):
        assert part in text
    assert not place.toy.exists()


def test_the_next_archive_is_tried_when_the_first_fails(place: Place, shelf: Shelf) -> None:
    place.fetch(place.sources(at(f"{shelf.url}/moved.zip"), at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL


def test_another_checksum_is_never_used(place: Place, shelf: Shelf) -> None:
    other = ARCHIVE[:-1] + b"!"
    shelf.files["/toy.zip"] = other
    with pytest.raises(UserError) as caught:
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert f"sha256 {sum_of(other)}" in str(caught.value)
    assert f"expected {len(ARCHIVE):,} bytes with sha256 {sum_of(ARCHIVE)}" in str(caught.value)
    assert not place.toy.exists()
    assert sorted(path.name for path in (place.downloads / "toy").iterdir() if path.name != ".lock") == []
    assert len(shelf.asked) == 1


def test_more_bytes_than_expected_are_cut_off(place: Place, shelf: Shelf) -> None:
    shelf.files["/toy.zip"] = ARCHIVE + b"!"
    with pytest.raises(UserError, match="more than the expected"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.leftovers() == []


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_in_place_of_the_file_is_said(place: Place, shelf: Shelf, kind: str) -> None:
    shelf.files["/toy.zip"], shelf.kinds["/toy.zip"] = PAGE, kind
    with pytest.raises(UserError, match=r"web page( \(Quota exceeded\) came)? instead of the file"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.leftovers() == []
    assert not (place.downloads / "toy" / "toy.zip").exists()


def test_a_file_address_is_used_where_it_lies(place: Place) -> None:
    path = place.base / "on this machine.zip"
    path.write_bytes(ARCHIVE)
    place.fetch(place.sources(at(path.as_uri())))
    assert place.files() == ALL
    assert not (place.downloads / "toy" / "toy.zip").exists()


def test_a_wrong_file_at_a_file_address_is_left_alone(place: Place) -> None:
    path = place.base / "toy.zip"
    path.write_bytes(b"mine")
    with pytest.raises(UserError, match="found 4 bytes"):
        place.fetch(place.sources(at(path.as_uri())))
    assert path.read_bytes() == b"mine"


# Putting in place


def test_a_wrong_count_of_files_is_said(place: Place, shelf: Shelf) -> None:
    with pytest.raises(UserError, match="found 3 files, but expected 400"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip"), files=400))
    with pytest.raises(UserError, match="found 0 files, but expected 3"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip"), members=["*/*.bin"]))
    assert not place.toy.exists()
    assert place.leftovers() == []


def test_a_changed_entry_replaces_the_folder_without_the_network(place: Place, shelf: Shelf) -> None:
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip"), members=["a.bin"], files=1))
    assert place.files() == {"a.bin": ALL["a.bin"]}
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("harm", ["missing", "short", "unrecorded", "torn record"])
def test_a_damaged_folder_is_put_right(place: Place, shelf: Shelf, harm: str) -> None:
    sources = place.sources(at(f"{shelf.url}/toy.zip"))
    record = place.fetch(sources)
    if harm == "missing":
        (place.toy / "b.bin").unlink()
    elif harm == "short":
        (place.toy / "b.bin").write_bytes(b"short")
    elif harm == "unrecorded":
        record.unlink()
    else:
        record.write_text('{"entry": ')
    assert not is_fetched(sources["toy"], place.raw)
    place.fetch(sources)
    assert is_fetched(sources["toy"], place.raw)
    assert place.files() == ALL
    assert len(shelf.asked) == 1


def test_what_a_killed_run_or_a_hand_left_does_not_stay(place: Place, shelf: Shelf) -> None:
    for folder in (place.raw / ".part-toy", place.raw / ".old-toy", place.toy):
        folder.mkdir(parents=True)
        (folder / "junk.bin").write_bytes(b"junk")
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL
    assert place.leftovers() == []


def test_a_malicious_archive_changes_nothing(place: Place, shelf: Shelf) -> None:
    evil = zipped({**MEMBERS, "../../evil.bin": b"evil"})
    shelf.files["/toy.zip"] = evil
    good = place.sources(at(f"{shelf.url}/toy.zip"))
    with pytest.raises(UserError, match=r"'\.\./\.\./evil\.bin', which lies outside"):
        place.fetch(place.sources({**at(f"{shelf.url}/toy.zip"), "sha256": sum_of(evil), "bytes": len(evil)}))
    assert list(place.base.rglob("evil.bin")) == []
    assert not place.toy.exists()
    assert not is_fetched(good["toy"], place.raw)


def test_two_at_once_fetch_once(place: Place, shelf: Shelf) -> None:
    sources = place.sources(at(f"{shelf.url}/toy.zip"))
    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(lambda _: place.fetch(sources), range(4)))
    assert records == [place.toy / "SOURCE.json"] * 4
    assert shelf.asked == [("/toy.zip", None)]
    assert place.files() == ALL


FETCH_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=200k tmpfs "$1" || exit 77
exec "$2" -c '
import sys
from pathlib import Path
from clrface.errors import UserError
from clrface.fetch import fetch, load_sources
config, raw, downloads = map(Path, sys.argv[1:])
try:
    fetch("toy", load_sources(config), raw, downloads, (), (0.0, 0.0))
except UserError as error:
    print(error)
    files = [path for folder in (raw, downloads) for path in folder.rglob("*") if path.is_file()]
    print("left:", [str(path) for path in files if path.name != ".lock"])
' "$3" "$4" "$5"
"""


@pytest.mark.parametrize("full", ["raw", "downloads"])
def test_a_full_disk_is_said_and_nothing_half_written_stays(place: Place, shelf: Shelf, full: str) -> None:
    large = zipped({"top/a.bin": bytes(400_000)})
    shelf.files["/toy.zip"] = large
    place.sources({**at(f"{shelf.url}/toy.zip"), "sha256": sum_of(large), "bytes": len(large)}, files=1)
    for folder in (place.raw, place.downloads):
        folder.mkdir()
    arguments = [str(place.base / full), sys.executable, str(place.config), str(place.raw), str(place.downloads)]
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", FETCH_ON_A_SMALL_DISK, "sh", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if ended.returncode == 77 or "unshare failed" in ended.stderr:
        pytest.skip(f"this system lets no ordinary user mount a small disk: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr
    said, left = ended.stdout.split("left:")
    assert said.startswith("No space left while writing")
    assert left.strip() == ("[]" if full == "downloads" else f"['{place.downloads}/toy/toy.zip']")
