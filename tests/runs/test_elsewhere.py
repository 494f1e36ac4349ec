"""`snakemake -d elsewhere`: the project's rules, preset and weights; everything that is made lies in the other folder."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from clrface.fingerprint import ROOT

pytestmark = pytest.mark.timeout(600)
CONFIG = {
    "datasets": {"orl": {"identities": 2, "images_per_identity": 1}},
    "tables": {"table1": {"datasets": ["orl"], "degradations": ["blind"], "protocol": "distortion", "methods": ["input", "unet"]}}
    | {f"table{number}": None for number in (2, 3, 4, 5)},
}


def test_a_run_in_another_folder_leaves_the_project_as_it_is(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw").symlink_to(sources)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    command = ["snakemake", "-s", str(ROOT / "Snakefile"), "-d", ".", "--cores", "1", "results/table1.csv", "--configfile", "mine.yaml"]
    before = sorted(path.name for path in ROOT.iterdir())
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"CLRFACE_SHOW": "no"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "results/table1.csv").read_text()
    assert "\nunet," in table and (tmp_path / "data/degraded/orl/blind/000").is_dir()
    assert sorted(path.name for path in ROOT.iterdir()) == before
