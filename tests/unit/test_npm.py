"""Sources of kind `npm`: the real client, against a registry on the loopback."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from clrface.errors import UserError
from tests.shelf import ALL, CLOSED, MEMBERS, Place, Shelf, sum_of, tarred

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm isn't installed: no default table needs it")
SCRIPT = "echo ran > ${CLRFACE_TEST_RAN}"


@pytest.fixture
def registry(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A registry with one package, toy 1.0.0, whose scripts would leave a file; the archive's entry."""
    about = {"name": "toy", "version": "1.0.0", "scripts": {"prepack": SCRIPT, "install": SCRIPT, "prepare": SCRIPT}}
    members = {f"package/{name}": content for name, content in MEMBERS.items()}
    tarball = tarred({"package/package.json": json.dumps(about).encode(), **members})
    version = about | {"dist": {"tarball": f"{shelf.url}/toy/-/toy-1.0.0.tgz"}}
    shelf.files["/toy"] = json.dumps({"name": "toy", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode()
    shelf.kinds["/toy"] = "application/json"
    shelf.files["/toy/-/toy-1.0.0.tgz"] = tarball
    monkeypatch.setenv("npm_config_registry", shelf.url)
    monkeypatch.setenv("npm_config_userconfig", os.devnull)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "10")
    monkeypatch.setenv("CLRFACE_TEST_RAN", str(tmp_path / "ran"))
    file = {"file": "toy-1.0.0.tgz", "sha256": sum_of(tarball), "bytes": len(tarball)}
    return {"kind": "npm", "package": "toy", "version": "1.0.0", "strip": "package/top/", **file}


@needs_npm
def test_npm_takes_the_tarball_and_runs_none_of_its_scripts(place: Place, registry: dict[str, Any], tmp_path: Path) -> None:
    place.fetch(place.sources(registry))
    assert place.files() == ALL
    assert not (tmp_path / "ran").exists()


@needs_npm
def test_a_version_that_the_registry_lacks_is_said(place: Place, registry: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"npm toy 2\.0\.0: npm said: ETARGET .*toy@2\.0\.0"):
        place.fetch(place.sources({**registry, "version": "2.0.0"}))


@needs_npm
def test_a_registry_out_of_reach_is_said(place: Place, registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", CLOSED)
    with pytest.raises(UserError, match=r"npm toy 1\.0\.0: npm could not reach the registry \(ECONNREFUSED"):
        place.fetch(place.sources(registry))


def test_without_npm_the_message_says_what_to_do(place: Place, registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"npm toy 1\.0\.0: npm isn't installed: install Node\.js.*") as caught:
        place.fetch(place.sources(registry))
    assert "To go on by hand" in str(caught.value)
