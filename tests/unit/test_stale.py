"""A table of another config isn't taken for new when Snakemake's records are gone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clrface.errors import UserError
from clrface.plan.stale import is_recorded, refuse_stale, table_settings
from clrface.registry import method_cards

METHODS = method_cards()
LONG = f"results/{'x' * 200}.txt"  # its record is two folders deep
SNAKEFILE = f"""
rule all:
    input: "results/table1.json", "results/scores/orl/blind/unet/0/psnr.csv", "{LONG}"
rule table:
    output: "results/table1.json"
    shell: "cp made.json {{output}}"
rule scores:
    output: "results/scores/orl/blind/unet/0/psnr.csv"
    shell: "touch {{output}}"
rule long:
    output: "{LONG}"
    shell: "touch {{output}}"
"""


@pytest.fixture
def made(config: dict[str, Any], tmp_path: Path) -> Path:
    """A folder in which the real Snakemake made table1."""
    row = {"dataset": "orl", "degradation": "blind", "method": "unet"}
    (tmp_path / "made.json").write_text(json.dumps({"settings": table_settings(config, METHODS, "table1"), "rows": [row]}))
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    subprocess.run([sys.executable, "-m", "snakemake", "--cores", "1", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def test_another_config_is_refused_only_without_records(config: dict[str, Any], made: Path) -> None:
    score = made / "results/scores/orl/blind/unet/0/psnr.csv"
    assert all(is_recorded(path, made) for path in (made / "results/table1.json", score, made / LONG))
    assert not is_recorded(made / "results/table2.json", made)
    other = config | {"base_seed": 7, "resolution": 96}
    refuse_stale(other, METHODS, made)  # Snakemake sees the change itself
    shutil.rmtree(made / ".snakemake")
    refuse_stale(config, METHODS, made)
    with pytest.raises(
        UserError, match=r"table1\.json is of another config \(resolution 64, now 96; base_seed 0, now 7\).*rm -r data/aligned"
    ):
        refuse_stale(other, METHODS, made)
    with pytest.raises(UserError, match="other rows: clrface"):
        refuse_stale(config | {"clrface": config["clrface"] | {"steps": 4}}, METHODS, made)
    shutil.rmtree(made / "results/scores")
    (made / "results/table1.json").unlink()
    refuse_stale(other, METHODS, made)


def test_one_lost_record_is_enough(config: dict[str, Any], made: Path) -> None:
    degraded = made / "data/degraded/orl/blind/000"
    degraded.mkdir(parents=True)
    with pytest.raises(UserError, match=r"records of data/degraded/orl/blind/000 are gone"):
        refuse_stale(config | {"base_seed": 7}, METHODS, made)


def test_a_table_from_before_it_told_its_settings(config: dict[str, Any], made: Path) -> None:
    shutil.rmtree(made / ".snakemake")
    content = json.loads((made / "results/table1.json").read_text())
    (made / "results/table1.json").write_text(json.dumps({"rows": content["rows"], "resolution": 64, "protocol": "embedded"}))
    refuse_stale(config, METHODS, made)
    with pytest.raises(UserError, match="resolution 64, now 96"):
        refuse_stale(config | {"resolution": 96}, METHODS, made)
