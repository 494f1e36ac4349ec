"""The pins: the lock answers for pyproject.toml, environment.yml for the lock, and the environment that runs for both."""

import re
import subprocess
import tomllib
from importlib.metadata import distributions, requires

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clrface.fingerprint import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = [line.split("#")[0].strip() for line in LOCK.splitlines() if not line.startswith("#")]
VERSIONS = dict(pin.split("==") for pin in PINS)
EXTRAS = PROJECT["optional-dependencies"]
# A cluster's plugins are the cluster's choice: not in the lock.
NAMED = [Requirement(text) for group in [PROJECT["dependencies"], EXTRAS["dev"], EXTRAS["dvc"]] for text in group]


@pytest.mark.parametrize("requirement", NAMED, ids=lambda requirement: requirement.name)
def test_the_lock_pins_what_pyproject_names_within_its_range(requirement):
    assert requirement.specifier.contains(VERSIONS[canonicalize_name(requirement.name)])


def test_the_lock_holds_exact_public_versions_only():
    odd = [pin for pin in PINS if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.]*", pin)]
    assert odd == []
    assert len(VERSIONS) == len(PINS)


def test_the_lock_names_no_index_no_path_and_no_cuda_package():
    assert not re.search(r"https?:|file:|--|/", re.sub(r"# via .*", "", LOCK))
    assert [name for name in VERSIONS if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_the_lock_holds_every_package_that_its_packages_need():
    """Followed through the installed packages' own metadata, on this Python and machine; torch's CUDA parts are left to pip."""
    needed = {canonicalize_name(need.name) for name in VERSIONS for need in _needs(name)}
    missing = {name for name in needed if name not in VERSIONS and not name.startswith(("nvidia", "cuda", "triton"))}
    assert missing <= {"pip"}


def _needs(name: str) -> list[Requirement]:
    needs = [Requirement(text) for text in requires(name) or []]
    return [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def test_conda_users_get_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, last = environment["dependencies"]
    assert last["pip"] == PINS
    [python] = [package for package in conda if package.startswith("python ")]
    assert python.removeprefix("python ") == PROJECT["requires-python"]


def test_this_environment_is_the_locks():
    installed = {canonicalize_name(found.name): found.version.split("+")[0] for found in distributions()}
    assert {name: installed.get(name) for name in VERSIONS} == VERSIONS


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["PYTHON=no-such-python"], "no-such-python is missing: install Python 3.11, 3.12 or 3.13"),
        (["PYTHON=false"], "expected Python 3.11 to 3.13"),
    ],
)
def test_a_missing_prerequisite_gets_one_clear_line(arguments, expected):
    done = subprocess.run(["make", "setup", "VENV=.no-such-venv", *arguments], cwd=ROOT, capture_output=True, text=True)
    first, *rest = done.stderr.splitlines()
    assert done.returncode != 0
    assert expected in first
    assert all(line.startswith("make") for line in rest)
    assert not (ROOT / ".no-such-venv").exists()


def test_make_alone_tells_the_commands():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"make (\w+)", done.stdout)[:4] == ["help", "setup", "table1", "train"]
