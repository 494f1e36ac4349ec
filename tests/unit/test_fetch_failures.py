"""What a host may do to a download: be down, silent, slow, cut it short, send a page or another file; and what is said.

Each message names the source, every place that was tried, what came, and how to go on by hand.
"""

import re
import time
from pathlib import Path

import pytest

from clrface.errors import UserError
from tests.shelf import ALL, ARCHIVE, CLOSED, COMMIT, PAGE, Place, Shelf, at, sum_of

QUOTA_PAGE = b"""<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title><style>p {color: red}</style></head>
<body><p>Sorry, you can&#39;t view or download this file at this time.</p>
<p>Too many users have viewed or downloaded this file recently. Please try accessing the file again later.</p></body></html>"""
SCAN_PAGE = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="some-id"><input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="1-2"></form></body></html>"""
SUM = sum_of(ARCHIVE)


def refused(place: Place, *archives: dict, **entry: object) -> str:
    """The message of a fetch that must fail; nothing may be left of it."""
    with pytest.raises(UserError) as caught:
        place.fetch(place.sources(*archives, **entry))
    assert not place.toy.exists()
    text = str(caught.value)
    assert "source 'toy'" in text and "To go on by hand" in text and "`mirrors:`" in text
    return text


def hub(shelf: Shelf, **changes: str) -> dict[str, str]:
    where = {"kind": "hf", "repository": "some/faces", "path_in_repository": "toy.zip", "revision": "main", "endpoint": shelf.url}
    return where | {"repository_type": "dataset"} | changes


def drive(shelf: Shelf) -> dict[str, str]:
    return {"kind": "gdrive", "id": "some-id", "endpoint": shelf.url}


ASKED = "/download?id=some-id&export=download&confirm=t"


def test_every_host_is_down(place: Place, shelf: Shelf) -> None:
    down = hub(shelf, endpoint=CLOSED), {"kind": "gdrive", "id": "some-id", "endpoint": CLOSED}, at(f"{CLOSED}/toy.zip")
    github = {"kind": "github", "repository": "some/faces", "commit": COMMIT, "endpoint": CLOSED}
    text = refused(place, *down, github, {"kind": "mirror"})
    assert text.count("Connection refused") == 4
    for tried in (f"hf {CLOSED} toy.zip some/faces dataset main: ", f"gdrive {CLOSED} some-id: ", f"url {CLOSED}/toy.zip: ", "github "):
        assert tried in text
    assert "mirror toy.zip: published nowhere else" in text
    wanted = f"toy.zip with {len(ARCHIVE):,} bytes with sha256 {SUM}, from "
    assert f"{wanted}{CLOSED}/datasets/some/faces/blob/main/toy.zip" in text, "the page, for a browser"
    assert f"{wanted}https://drive.google.com/file/d/some-id/view" in text


def test_the_next_place_is_asked_when_one_is_down(place: Place, shelf: Shelf) -> None:
    shelf.files["/datasets/some/faces/resolve/main/toy.zip"] = ARCHIVE
    place.fetch(place.sources(at(f"{CLOSED}/toy.zip"), hub(shelf)))
    assert place.files() == ALL


def test_a_silent_server_is_waited_for_as_long_as_asked(place: Place, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLRFACE_TIMEOUT_S", "0.2")
    shelf.waits_s = 1.0
    begun = time.monotonic()
    text = refused(place, at(f"{shelf.url}/toy.zip"))
    assert "no answer within 0.2 s (wait longer: `timeout_s`" in text
    assert time.monotonic() - begun < 10
    monkeypatch.setenv("CLRFACE_TIMEOUT_S", "30")
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL


def test_a_server_that_trickles_is_slow(place: Place, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 bytes every 0.15 s: never silent for long, and it would take three minutes."""
    monkeypatch.setenv("CLRFACE_TIMEOUT_S", "0.6")
    shelf.trickles_s = 0.15
    text = refused(place, at(f"{shelf.url}/toy.zip"))
    assert re.search(r"too slow: [\d,]+ bytes in 1 s, after [\d,]+ bytes in all", text)
    ranges = [int(asked.removeprefix("bytes=").removesuffix("-")) for _, asked in shelf.asked[1:] if asked]
    assert len(ranges) == 2 and 0 < ranges[0] < ranges[1], "each try goes on where the last one stopped"


@pytest.mark.parametrize("written", ["soon", "0", "-1", "inf"])
def test_a_timeout_that_is_none_is_said(place: Place, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("CLRFACE_TIMEOUT_S", written)
    with pytest.raises(UserError, match=f"CLRFACE_TIMEOUT_S={written}"):
        place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))


@pytest.mark.parametrize("announced", [True, False])
def test_a_server_that_always_stops_is_resumed_and_then_told(place: Place, shelf: Shelf, announced: bool) -> None:
    shelf.cut_at, shelf.announces_length = [40_000, 0, 0], announced
    text = refused(place, at(f"{shelf.url}/toy.zip"))
    assert [asked for _, asked in shelf.asked] == [None, "bytes=40000-", "bytes=40000-"]
    assert "40,000" in text
    assert (place.downloads / "toy" / "toy.zip.part").read_bytes() == ARCHIVE[:40_000], "kept, to go on from"
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip")))
    assert place.files() == ALL and shelf.asked[-1] == ("/toy.zip", "bytes=40000-")


def test_a_large_file_over_a_bad_line_may_take_many_tries(place: Place, shelf: Shelf) -> None:
    shelf.files["/toy.zip"] = ARCHIVE + bytes(6 << 20)  # a zip with a tail; its end is looked for from behind
    content = shelf.files["/toy.zip"]
    shelf.cut_at = [1 << 20] * 5
    text = refused(place, {**at(f"{shelf.url}/toy.zip"), "sha256": sum_of(content), "bytes": len(content)}, files=3)
    assert len(shelf.asked) == 6, "a try that brought a mebibyte doesn't count"
    assert "damaged" in text


def test_a_file_cut_short_whose_length_nobody_knows(place: Place, shelf: Shelf) -> None:
    """Trusted on first use, without a length: the archive's own end is missing, so nothing is trusted or kept."""
    shelf.cut_at, shelf.announces_length = [70_000], False
    text = refused(place, {**at(f"{shelf.url}/toy.zip"), "sha256": "on_first_use", "bytes": None})
    assert "is damaged, cut short or encrypted" in text
    assert not (place.base / "sources.lock.json").exists() and place.leftovers() == []


def test_a_page_in_place_of_a_file(place: Place, shelf: Shelf) -> None:
    shelf.files["/toy.zip"], shelf.kinds["/toy.zip"] = PAGE, "text/html; charset=utf-8"
    text = refused(place, at(f"{shelf.url}/toy.zip"))
    said = f'the server answered 200 with a web page instead of the file (text/html, {len(PAGE)} bytes, "Quota exceeded Too many users")'
    assert said in text


def test_a_refusal_is_quoted(place: Place, shelf: Shelf) -> None:
    shelf.statuses = [403]
    text = refused(place, at(f"{shelf.url}/toy.zip"))
    assert re.search(r'the server answered 403 Forbidden \(text/html, \d+ bytes, "Error response .*', text)


def test_drives_quota_page_is_recognised(place: Place, shelf: Shelf) -> None:
    shelf.files[ASKED], shelf.kinds[ASKED] = QUOTA_PAGE, "text/html"
    text = refused(place, drive(shelf))
    assert "Google Drive's quota for this file is used up for up to 24 hours" in text
    assert "\"Google Drive - Quota exceeded Sorry, you can't view or download this file at this time. Too many users" in text
    assert len(shelf.asked) == 1, "asking again would not help"


def test_drives_virus_warning_is_answered(place: Place, shelf: Shelf) -> None:
    confirmed = "/confirmed?id=some-id&confirm=t&uuid=1-2"
    shelf.files[ASKED], shelf.kinds[ASKED] = SCAN_PAGE.format(action=f"{shelf.url}/confirmed").encode(), "text/html"
    shelf.files[confirmed] = ARCHIVE
    shelf.cut_at = [10_000_000, 40_000]
    place.fetch(place.sources(drive(shelf)))
    assert place.files() == ALL
    assert shelf.asked[-1] == (confirmed, "bytes=40000-"), "resumed behind the form, too"


def test_drives_quota_after_the_warning_is_told(place: Place, shelf: Shelf) -> None:
    for path, page in ((ASKED, SCAN_PAGE.format(action="/confirmed").encode()), ("/confirmed?id=some-id&confirm=t&uuid=1-2", QUOTA_PAGE)):
        shelf.files[path], shelf.kinds[path] = page, "text/html"
    assert "quota for this file is used up" in refused(place, drive(shelf))


def test_another_page_of_drives_is_told(place: Place, shelf: Shelf) -> None:
    shelf.files[ASKED], shelf.kinds[ASKED] = PAGE.replace(b"Too many users", b"Sign in"), "text/html"
    assert "Google Drive gave a page instead of the file: it may not be shared any more" in refused(place, drive(shelf))


def test_drive_gives_a_small_file_at_once(place: Place, shelf: Shelf) -> None:
    shelf.files[ASKED] = ARCHIVE
    place.fetch(place.sources(drive(shelf)))
    assert place.files() == ALL


def test_another_checksum_is_told_with_what_came(place: Place, shelf: Shelf) -> None:
    other = b"PK, but not the same"
    shelf.files["/toy.zip"], shelf.files["/other.zip"] = other, ARCHIVE[:-1] + b"!"
    text = refused(place, at(f"{shelf.url}/toy.zip"), at(f"{shelf.url}/other.zip"))
    for content in (other, shelf.files["/other.zip"]):
        assert f"found {len(content):,} bytes with sha256 {sum_of(content)}, beginning with {content[:8]!r}" in text
    assert f"expected {len(ARCHIVE):,} bytes with sha256 {SUM}" in text
    assert place.leftovers() == []


def test_another_number_of_files_is_told_and_the_next_place_is_asked(place: Place, shelf: Shelf) -> None:
    trusted = {"sha256": "on_first_use", "bytes": None}
    text = refused(place, {**at(f"{shelf.url}/toy.zip"), **trusted}, files=469)
    assert f"url {shelf.url}/toy.zip: " in text and "found 3 files, but expected 469" in text
    assert "no checksum known: what you put there is trusted, and recorded" in text
    assert not (place.base / "sources.lock.json").exists() and place.leftovers() == []
    shelf.files["/right.zip"] = ARCHIVE
    shelf.files["/toy.zip"] = b"PK\x05\x06" + bytes(18)  # a zip without members
    place.fetch(place.sources({**at(f"{shelf.url}/toy.zip"), **trusted}, {**at(f"{shelf.url}/right.zip"), **trusted, "file": "right.zip"}))
    assert place.files() == ALL


def test_a_wrong_file_in_a_mirror_of_unknown_sums_is_told_and_left(place: Place, shelf: Shelf, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "toy.zip").write_bytes(b"not a zip")
    sources = place.sources({"kind": "mirror", "sha256": "on_first_use", "bytes": None})
    with pytest.raises(UserError, match=r"mirror/toy\.zip is damaged"):
        place.fetch(sources, mirror)
    assert (mirror / "toy.zip").read_bytes() == b"not a zip"
