"""Every job of a config as JSON, to hold a change of the planner against.

python -m tests.dump_jobs --to FOLDER      # before a change and after it; then: diff -r BEFORE AFTER
python -m tests.dump_jobs --keep           # after a change that is meant: the new digests, for tests/workflow/test_jobs.py

Left out: fingerprints of code, which change with every edit, and where the project lies.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CONFIGS = {
    "embedded": ["embedded"],
    "full": ["full"],
    "val": ["val"],
    "paper": ["paper"],
}
"""The configs whose digests are kept: files of config/, laid over one another."""
KEPT = Path(__file__).parent / "workflow" / "jobs.json"
TARGETS = ("all", "train", "fetch")
HOST = ("_cores", "_nodes", "tmpdir")
"""Resources that are the machine's."""


def dump(files: Iterable[str]) -> list[dict[str, Any]]:
    """The jobs behind everything that a config can make. Once a process: Snakemake keeps what it has read.

    The device is the processor, so that another machine's jobs are the same.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        config = ConfigSettings(configfiles=[Path(file) for file in files], config={"device": "cpu"})
        workflow_api = api.workflow(resource_settings=ResourceSettings(cores=1), config_settings=config, snakefile=Path("Snakefile"))
        workflow = workflow_api._workflow
        plan = workflow.globals["PLAN"]
        files = ["weights.json", *(f"metrics/{table}.json" for table in plan.tables)]
        workflow_api.dag(DAGSettings(targets={*TARGETS, *(f"{plan.results}/{file}" for file in files)}))
        workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        jobs = [_job(job) for job in workflow.dag.jobs]
    return sorted(jobs, key=lambda job: (job["rule"], json.dumps(job["output"], sort_keys=True)))


def _job(job: Any) -> dict[str, Any]:
    return {
        "rule": job.rule.name,
        "wildcards": dict(job.wildcards_dict),
        "input": _files(job.input),
        "output": _files(job.output),
        "log": _files(job.log),
        "benchmark": str(job.benchmark or ""),
        "params": {key or str(place): _without_code(key, value) for place, (key, value) in enumerate(job.params._allitems())},
        "threads": job.threads,
        "resources": {key: value for key, value in job.resources.items() if key not in HOST},
        "shell": job.rule.shellcmd or "",
        "conda": str(job.rule.conda_env or ""),
    }


def _files(files: Any) -> dict[str, list[str]]:
    """Files by the name that the rule calls them by, in its order."""
    found: dict[str, list[str]] = {}
    for key, value in files._allitems():
        found.setdefault(key or "", []).extend([value] if isinstance(value, str) else map(str, value))
    return found


def _without_code(key: str | None, value: Any) -> Any:
    if key == "code":
        return "code"
    if key == "spec":
        spec = json.loads(value)
        return json.dumps(spec | {"code": "code"} if "code" in spec else spec)
    return json.loads(json.dumps(value, default=str))


def dump_apart(name: str, folder: Path, project: Path = Path()) -> list[dict[str, Any]]:
    """The jobs of a config, planned in a process of its own; `folder`/NAME.json keeps them. name: of CONFIGS, or files joined by +."""
    path = folder / f"{name.replace('/', '_')}.json"
    files = [f"config/{part}.yaml" for part in CONFIGS[name]] if name in CONFIGS else name.split("+")
    words = [sys.executable, Path(__file__).resolve(), "--one", path.resolve(), *files]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Planning {name} failed:\n{done.stdout}{done.stderr}")
    return json.loads(path.read_text())


def digests(jobs: Iterable[dict[str, Any]]) -> dict[str, str]:
    """For each rule, how many jobs it has and a digest of them: `2 jobs, 0123456789abcdef`."""
    by_rule: dict[str, list[Any]] = {}
    for job in jobs:
        by_rule.setdefault(job["rule"], []).append(job)
    return {rule: f"{len(mine)} jobs, {_digest(mine)}" for rule, mine in sorted(by_rule.items())}


def _digest(jobs: list[Any]) -> str:
    return hashlib.sha256(json.dumps(jobs, sort_keys=True).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CONFIGS), help=f"{', '.join(CONFIGS)}; or files joined by +: a.yaml+b.yaml")
    parser.add_argument("--to", type=Path, help="a folder for NAME.json")
    parser.add_argument("--keep", action="store_true", help=f"write the digests to {KEPT.name}")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        text = json.dumps(dump(options.names), indent=1, sort_keys=True)
        options.one.write_text(text.replace(f"{Path.cwd()}/", "./") + "\n")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.to or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for name in options.names:
            found[name] = digests(dump_apart(name, folder))
            print(f"{name}: {sum(int(text.split()[0]) for text in found[name].values())} jobs of {len(found[name])} rules")
    if options.keep:
        KEPT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
