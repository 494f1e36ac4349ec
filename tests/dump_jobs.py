"""Every job of a config as JSON, to hold a change of the planner against: `python -m tests.dump_jobs --to FOLDER [NAME ...]`.

Two folders of dumps, made before and after a change, must be the same: `diff -r BEFORE AFTER`. Fingerprints of code are left out: they
change with every edit.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

CONFIGS = {
    "embedded": ["embedded"],
    "full": ["embedded", "full"],
    "val": ["embedded", "val"],
    "paper": ["embedded", "paper"],
}
"""The configs that tests/workflow/test_jobs.py knows the jobs of: files of config/, laid over one another."""
TARGETS = ("all", "train", "fetch", "results/weights.json")
HOST = ("_cores", "_nodes", "tmpdir")
"""Resources that are the machine's."""


def dump(files: list[str]) -> list[dict[str, Any]]:
    """The jobs behind everything that a config can make, in the order of their outputs. Run in a process of its own: Snakemake is not tidy.

    The device is the processor, so that another machine's jobs are the same.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        config = ConfigSettings(configfiles=[Path(file) for file in files], config={"device": "cpu"})
        workflow_api = api.workflow(resource_settings=ResourceSettings(cores=1), config_settings=config, snakefile=Path("Snakefile"))
        workflow = workflow_api._workflow
        metrics = [f"results/metrics/{table}.json" for table in workflow.globals["config"]["tables"]]
        workflow_api.dag(DAGSettings(targets={*TARGETS, *metrics}))
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


def summary(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """How many jobs each rule has, and a checksum of all."""
    text = json.dumps(jobs, sort_keys=True)
    counts = Counter(job["rule"] for job in jobs)
    return {"jobs": dict(sorted(counts.items())), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(CONFIGS), help=f"{', '.join(CONFIGS)}; or files joined by +: a.yaml+b.yaml")
    parser.add_argument("--to", type=Path, required=True, help="a folder for NAME.json")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        if not options.one:
            subprocess.run([sys.executable, "-m", "tests.dump_jobs", "--one", "--to", options.to, name], check=True)
            continue
        files = [f"config/{part}.yaml" for part in CONFIGS[name]] if name in CONFIGS else name.split("+")
        jobs = dump(files)
        path = options.to / f"{name.replace('/', '_')}.json"
        path.write_text(json.dumps(jobs, indent=1, sort_keys=True) + "\n")
        print(f"{path}: {len(jobs)} jobs, {summary(jobs)['sha256'][:16]}")


if __name__ == "__main__":
    main()
