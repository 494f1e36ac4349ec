"""Methods of other packages: one is really built, installed into a folder and used; bad ones are told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clrface.fingerprint import ROOT

METHOD = '''"""Turns an image upside down and back, then darkens it."""

from pathlib import Path

import torch

CARD = {"name": "darker", "label": "Darker", "stochastic": False, "paper": "none", "params": {"gain": 0.5}}


class Restorer:
    def __init__(self, gain: float):
        self.gain = gain

    def load(self, weights: Path | None, device: str, sources: Path) -> None: ...

    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return lq * self.gain
'''
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "bfr-darker"
version = "1.2.3"

[project.entry-points."{group}"]
{entry}

[tool.setuptools]
packages = ["bfr_darker"]
"""


def install(folder: Path, entry: str = 'darker = "bfr_darker.method"', method: str = METHOD, group: str = "clrface.restorers") -> Path:
    """Build the package as a wheel and install it; the folder to put on PYTHONPATH."""
    package = folder / "package" / "bfr_darker"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text(method)
    (package.parent / "pyproject.toml").write_text(PROJECT.format(entry=entry, group=group))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(package.parent)], check=True)
    return folder / "site"


def ask(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-c", f"import json, sys; from clrface.registry import *; {code}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plug-in"))


def test_an_installed_package_adds_a_method(site: Path) -> None:
    done = ask(
        site, "print(json.dumps([method_card('darker').params, method_module('darker'), 'torch' in sys.modules, 'unet' in method_cards()]))"
    )
    assert json.loads(done.stdout) == [{"gain": 0.5}, "bfr_darker.method", False, True], done.stderr
    code = "import torch; method = make_method('darker', {'gain': 0.25}); print(method.restore(torch.ones(1, 3, 2, 2), [0]).mean().item())"
    assert ask(site, code).stdout == "0.25\n"
    assert "darker" not in ask(ROOT, "print(*method_cards())").stdout


def test_an_edit_of_it_changes_its_code_s_checksum(site: Path) -> None:
    before = ask(site, "print(method_code('darker'))").stdout
    path = site / "bfr_darker" / "method.py"
    kept = path.read_text()
    path.write_text(kept + "# edited\n")
    after = ask(site, "print(method_code('darker'))").stdout
    path.write_text(kept)
    assert before and after and before != after
    assert ask(site, "print(method_code('darker'))").stdout == before


@pytest.mark.parametrize(
    ("entry", "method", "message"),
    [
        ('unet = "bfr_darker.method"', METHOD, "The package bfr-darker adds a method 'unet'"),
        ('darker = "bfr_darker.nothing"', METHOD, "names the module bfr_darker.nothing for its method 'darker'"),
        ('other = "bfr_darker.method"', METHOD, "has the name 'darker', but the entry point's name says 'other'"),
        ('darker = "bfr_darker.method"', "x = 1\n", "has no CARD"),
    ],
)
def test_a_bad_plug_in_is_told(entry: str, method: str, message: str, tmp_path: Path) -> None:
    done = ask(install(tmp_path, entry, method), "method_cards()")
    assert done.returncode != 0 and "UserError" in done.stderr and message in done.stderr
