"""DVC over the workflow, in a git repository of its own: two faces, two rows, one metric."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.copies import copy_project

COPIED = (
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "Snakefile",
    "clrface",
    "config",
    "dvc.yaml",
    "environment.yml",
    "models",
    "profiles",
    "results/weights.json",
    "workflow",
)
CHANGES = (  # made as a user would: by text, so that comments and anchors stay
    ("protocol: embedded ", "protocol: quick "),
    ("{identities: 40, images_per_identity: 3, gallery: 4}", "{identities: 2, images_per_identity: 1}"),
    ("  steps: 8\n", "  steps: 2\n"),
)
TABLES = "tables:\n  table1: {datasets: all, degradations: [blind], methods: [input, clrface]}\n\n"
pytestmark = pytest.mark.timeout(600)


class Repository:
    """A git repository with what a clone has."""

    def __init__(self, folder: Path, sources: Path):
        self.folder = folder
        copy_project(folder, COPIED)
        (folder / "data/raw").symlink_to(sources)
        self.shrink()
        self.git("init", "--quiet")
        self.git("config", "user.name", "T")
        self.git("config", "user.email", "t@example.org")
        self.commit()

    def shrink(self) -> None:
        profile = self.folder / "config/embedded.yaml"
        text = profile.read_text()
        for old, new in CHANGES:
            assert text.count(old) == 1
            text = text.replace(old, new)
        before, rest = text.split("tables: ", 1)
        profile.write_text(before + TABLES + "methods: " + rest.split("\nmethods: ", 1)[1])
        with (self.folder / "clrface/catalogue/protocols.yaml").open("a") as file:
            file.write("\nquick: {metrics: [psnr]}\n")

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "one")

    def dvc(self, *words: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = os.environ | {"PATH": path, "NO_COLOR": "1"}
        done = subprocess.run([sys.executable, "-m", "dvc", *words], cwd=self.folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config/embedded.yaml").read_text())


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, sources: Path) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"), sources)


def test_a_stage_for_the_weights_and_one_for_each_table_of_the_config(repository):
    assert repository.dvc("stage", "list", "--name-only").split() == ["weights", "table@table1"]
    planned = repository.dvc("repro", "--dry")
    assert "snakemake --cores all results/table1.csv results/metrics/table1.json" in planned
    assert not (repository.folder / "results/table1.csv").exists()
    assert repository.git("status", "--porcelain") == ""


def test_an_experiment_changes_one_row_and_keeps_the_config_s_meaning(repository):
    repository.dvc("repro")
    assert set(values(repository.dvc("metrics", "show", "--json"))["clrface"]) == {"n_failed", "psnr"}
    assert "up to date" in repository.dvc("repro")
    repository.commit()
    before, made = repository.config(), restored(repository)

    said = repository.dvc("exp", "run", "-S", "config/embedded.yaml:clrface.steps=1")
    assert "Ran experiment(s)" in said
    before["clrface"]["steps"] = 1
    assert repository.config() == before, "anchors and merged keys mean what they did"
    assert "# noise, irn" in (repository.folder / "config/embedded.yaml").read_text(), "comments stay"
    assert {name for name, seen in restored(repository).items() if seen != made[name]} == {"clrface"}

    [changed] = json.loads(repository.dvc("metrics", "diff", "--json")).values()
    assert list(changed) == ["orl.blind.clrface.psnr"]
    assert json.loads(repository.dvc("params", "diff", "--json"))["config/embedded.yaml"] == {
        "clrface.steps": {"old": 2, "new": 1, "diff": -1}
    }
    shown = repository.dvc("exp", "show", "--only-changed", "--csv").splitlines()
    assert "orl.blind.clrface.psnr" in shown[0] and "clrface.steps" in shown[0] and len(shown) == 4


def values(shown: str) -> dict:
    [content] = json.loads(shown)[""]["data"].values()
    return content["data"]["orl"]["blind"]


def restored(repository: Repository) -> dict[str, int]:
    """When each row's faces were restored."""
    faces = (repository.folder / "results/restored/orl/blind").glob("*/0/000/s1_1.png")
    return {path.parts[-4]: path.stat().st_mtime_ns for path in faces}
