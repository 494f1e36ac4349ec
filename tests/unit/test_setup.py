"""The pins: the locks answer for pyproject.toml, environment.yml for the lock, and the environment that runs for all."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clrface.fingerprint import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-dev.lock")}
"""What table1 needs; and that with every extra."""


def pins_of(lock: str) -> list[str]:
    return [line.split("#")[0].strip() for line in lock.splitlines() if not line.startswith("#")]


PINS = {name: pins_of(lock) for name, lock in LOCKS.items()}
VERSIONS = {name: dict(pin.split("==") for pin in pins) for name, pins in PINS.items()}
WHOLE = VERSIONS["requirements-dev.lock"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
NAMED = [*NEEDED, *(Requirement(text) for group in EXTRAS.values() for text in group)]


@pytest.mark.parametrize("requirement", NAMED, ids=lambda requirement: requirement.name)
def test_the_locks_pin_what_pyproject_names_within_its_range(requirement):
    name = canonicalize_name(requirement.name)
    assert requirement.specifier.contains(WHOLE[name])
    assert (name in VERSIONS["requirements.lock"]) >= (requirement in NEEDED)


def test_the_locks_agree():
    lean = VERSIONS["requirements.lock"]
    assert lean == {name: WHOLE.get(name) for name in lean} and len(lean) < len(WHOLE)


@pytest.mark.parametrize("package", ["accelerate", "dvc", "gradio", "kubernetes", "mkdocs", "openvino", "pytest", "tensorboard"])
def test_table1_installs_nothing_that_it_does_not_need(package):
    assert package in WHOLE and package not in VERSIONS["requirements.lock"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_public_versions_only(lock):
    odd = [pin for pin in PINS[lock] if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.]*", pin)]
    assert odd == []
    assert len(VERSIONS[lock]) == len(PINS[lock])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_no_path_and_no_cuda_package(lock):
    assert not re.search(r"https?:|file:|--|/", re.sub(r"# via .*", "", LOCKS[lock]))
    assert [name for name in VERSIONS[lock] if name.startswith(("nvidia", "cuda", "triton"))] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_package_that_its_packages_need(lock):
    """Followed through the installed packages' own metadata, on this Python and machine; torch's CUDA parts are left to pip."""
    versions = VERSIONS[lock]
    needed = {canonicalize_name(need.name) for name in versions for need in _needs(name)}
    missing = {name for name in needed if name not in versions and not name.startswith(("nvidia", "cuda", "triton"))}
    assert missing <= {"pip"}


def _needs(name: str) -> list[Requirement]:
    needs = [Requirement(text) for text in requires(name) or []]
    return [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def test_conda_users_get_the_same_pins():
    """And what training needs: its rule may run there."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, last = environment["dependencies"]
    assert set(PINS["requirements.lock"]) < set(last["pip"]) <= set(PINS["requirements-dev.lock"])
    names = {pin.partition("==")[0] for pin in last["pip"]}
    assert {canonicalize_name(Requirement(text).name) for text in EXTRAS["train"]} <= names
    [python] = [package for package in conda if package.startswith("python ")]
    assert python.removeprefix("python ") == PROJECT["requires-python"]


def test_this_environment_is_the_locks():
    installed = {canonicalize_name(found.name): found.version.split("+")[0] for found in distributions()}
    apart = dict(line.split("==") for line in (ROOT / "requirements-nodeps.txt").read_text().splitlines() if "==" in line)
    wanted = {**WHOLE, **apart}
    assert {name: installed.get(name) for name in wanted} == wanted


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


def venv_of_its_own(tmp_path):
    """A folder with this environment's programs, so that the log of a trial is not the real one's."""
    (tmp_path / "bin").symlink_to(Path(sys.executable).parent)
    return tmp_path


def pip_install(venv, *arguments, **variables):
    command = ["sh", ROOT / "workflow/pip_install.sh", venv, *arguments]
    return subprocess.run(command, cwd=venv, env=os.environ | variables, capture_output=True, text=True)


def test_setting_up_says_what_pip_is_doing(tmp_path):
    venv = venv_of_its_own(tmp_path)
    done = pip_install(venv, "--dry-run", "--no-index", "numpy", "torch", TELL_EVERY_S="1")
    assert done.returncode == 0 and done.stderr == ""
    assert re.match(r"  1 s: ", done.stdout)
    assert "Requirement already satisfied: numpy" in (venv / "pip.log").read_text()


def test_setting_up_shows_why_pip_stopped(tmp_path):
    venv = venv_of_its_own(tmp_path)
    done = pip_install(venv, "--dry-run", "--no-index", "no-such-package")
    assert done.returncode == 1
    assert "No matching distribution found for no-such-package" in done.stderr.splitlines()[-1]


def test_make_alone_tells_the_commands():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"make (\w+)", done.stdout)[:4] == ["help", "setup", "dev", "table1"]
