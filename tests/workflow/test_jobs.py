"""Planned, not run: the jobs of four configs are those that were kept; wrong names and a table that is left out are told."""

import json
import subprocess
import sys
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
    (folder / "without.yaml").write_text("tables: {table1: null}\n")
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_the_jobs_are_those_that_were_kept(name: str, project: Path, tmp_path: Path) -> None:
    """Where this fails by intent: python -m tests.dump_jobs --keep, and look at what `git diff tests/workflow/jobs.json` names."""
    assert digests(dump_apart(name, tmp_path, project)) == json.loads(KEPT.read_text())[name]


def test_presets_write_none_of_each_other_s_files(project: Path, tmp_path: Path) -> None:
    """But for what all share: fetched sources."""
    written = [
        {path for job in dump_apart(name, tmp_path, project) for paths in job["output"].values() for path in paths}
        for name in ("embedded", "full")
    ]
    assert all(path.startswith("data/raw/") for path in written[0] & written[1])
    assert {"results/table1.csv", "data/aligned/orl/000"} <= written[0]
    assert {"results/full/table1.csv", "data/full/aligned/orl/000"} <= written[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["results/scores/orl/blind/clrfcae/0/psnr.csv"], "Unknown row 'clrfcae'. Did you mean 'clrface'?"),
        (["table1", "--configfile", "without.yaml"], "This config leaves table1 out (`tables: {table1: null}`)."),
    ],
)
def test_what_can_t_be_made_is_told(words: list[str], said: str, project: Path) -> None:
    code, output = planned(project, *words)
    assert code != 0 and said in output and "KeyError" not in output, output


def test_a_table_that_is_left_out_leaves_the_others(project: Path) -> None:
    code, output = planned(project, "--configfile", "without.yaml")
    assert code == 0 and "results/table2.csv" in output and "results/table1.csv" not in output, output


def planned(project: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "snakemake", *words, "-n", "--quiet", "host"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
