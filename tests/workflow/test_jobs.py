"""The jobs of four configs are those that were kept: what the planner says of inputs, parameters and words has not moved unseen."""

import json
from pathlib import Path

import pytest

from clrface.fingerprint import ROOT
from tests.copies import copy_project
from tests.dump_jobs import CONFIGS, KEPT, digests, dump_apart


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which nothing was run: the page has the training's losses where there was a training."""
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    (folder / "models").symlink_to(ROOT / "models")
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_the_jobs_are_those_that_were_kept(name: str, project: Path, tmp_path: Path) -> None:
    """Where this fails by intent: python -m tests.dump_jobs --keep, and look at what `git diff tests/workflow/jobs.json` names."""
    assert digests(dump_apart(name, tmp_path, project)) == json.loads(KEPT.read_text())[name]
