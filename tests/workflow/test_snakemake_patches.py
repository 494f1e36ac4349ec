"""Where Snakemake is patched: one run at a time in a folder, a run that looks takes nothing, a read-only folder can be looked at."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from clrface.fingerprint import ROOT
from tests.copies import copy_project, start_snakemake

RULES = """
include: "snakemake_patches.smk"

rule all:
    input: "slow.txt", "other.txt"

rule slow:
    output: "slow.txt"
    shell: "sleep 60; touch {output}"

rule other:
    output: "other.txt"
    shell: "touch {output}"
"""
LOOKING = (["-np"], ["--dry-run", "-p"], ["--summary"], ["--list"])


def run(folder: Path, *words: str, before: list[str] | None = None) -> tuple[int, str]:
    process = start_snakemake(folder, *words, before=before)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "workflow" / "snakemake_patches.smk", tmp_path)
    (tmp_path / "Snakefile").write_text(RULES)
    return tmp_path


def test_one_run_at_a_time_and_a_killed_one_leaves_no_lock(folder: Path) -> None:
    first = start_snakemake(folder, "slow.txt")
    while not list((folder / ".snakemake/locks").glob("*.lock")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    code, output = run(folder, "other.txt")
    assert code != 0 and f"Another run is at work in {folder} (process {first.pid})" in output, output
    assert not (folder / "other.txt").exists()
    code, output = run(folder, "-np", "slow.txt")
    assert code == 0, output
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert list((folder / ".snakemake/locks").glob("*.lock")), "Snakemake's own lock outlives the run"
    code, output = run(folder, "other.txt")
    assert code == 0 and (folder / "other.txt").exists(), output


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_who_looks_takes_nothing(folder: Path, words: list[str]) -> None:
    code, output = run(folder, *words)
    assert code == 0, output
    assert not (folder / ".snakemake/alive").exists() and not list((folder / ".snakemake").rglob("*.lock"))


def read_only(folder: Path) -> list[str]:
    """What comes before a command, for it to see a folder that it can't write in: root may write everywhere but on a read-only mount."""
    if os.getuid() != 0:
        for path in [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]:
            path.chmod(path.stat().st_mode & ~0o222)
        return []
    mount = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}" && cd "{folder}" && exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("root, without the right to mount: nothing is read-only here")
    return words


def test_a_read_only_project_can_be_looked_at(tmp_path: Path) -> None:
    copy_project(tmp_path)
    (tmp_path / "models").symlink_to(ROOT / "models")
    before = read_only(tmp_path)
    try:
        for words in (["--list"], ["--summary", "results/table1.csv"], ["-np", "table1"]):
            code, output = run(tmp_path, *words, before=before)
            assert code == 0 and "tabulate" in output, output
        code, output = run(tmp_path, "table1", before=before)
        assert code != 0 and f"Can't write in {tmp_path}" in output and "Traceback" not in output, output
    finally:
        for path in [tmp_path, *(path for path in tmp_path.rglob("*") if not path.is_symlink())]:
            path.chmod(path.stat().st_mode | 0o200)
