"""The config, checked before any work; the plan made of it; and how the rules ask the plan."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from clrface.config.load import run_config
from clrface.errors import UserError
from clrface.fetch.sizes import tell_sizes
from clrface.fingerprint import fingerprint
from clrface.forkserver.start import start_fork_server
from clrface.paths import HOME, preset, project_folder
from clrface.plan import claims, datasets, degrading, fetching, figures, measuring, page, restoring, studies, tables, targets, training
from clrface.plan.notes import notes
from clrface.plan.plan import read_plan
from clrface.stages import SOURCES as TRAINING_SOURCES
from clrface.plan.stale import refuse_stale

STARTED = time.time()
# With `snakemake -d elsewhere` everything is made there; the preset and the shipped weights are the project's.
if project_folder() is None:
    os.environ.setdefault(HOME, os.getcwd())
# One thread a job: a job's arithmetic, to the last digit, doesn't depend on how many cores the others leave.
STEP = "OMP_NUM_THREADS={threads} python -m clrface"
# The Python that runs Snakemake is the one that its jobs call.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]))


def told(function, *words, **given):
    """What a function returns; a user's mistake is told as Snakemake tells its own."""
    try:
        return function(*words, **given)
    except UserError as error:
        raise WorkflowError(str(error)) from None


# Snakemake has merged the files already, without what they extend, and takes nested values of --config for strings.
GIVEN = workflow.config_settings
MERGED = told(run_config, GIVEN.configfiles, preset(), GIVEN.config)
config.clear()
config.update(MERGED)
PLAN = told(read_plan, config)
told(refuse_stale, config, PLAN.project.known.methods, place=PLAN.place)
# Told aside of the rules: where an archive may lie is no part of what it is, and another mirror reruns nothing.
MIRRORS = [*config["mirrors"], *os.environ.get("CLRFACE_MIRRORS", "").split(os.pathsep)]
os.environ.update(CLRFACE_MIRRORS=os.pathsep.join(dict.fromkeys(MIRRORS)))
os.environ.update(CLRFACE_DEVICE=config["device"])
if "timeout_s" in config:
    os.environ.update(CLRFACE_TIMEOUT_S=str(config["timeout_s"]))
if workflow.is_main_process:
    told(targets.check_names, PLAN, sys.argv[1:])
    for note in notes(PLAN):
        print(note, file=sys.stderr)
    if "fetch" in sys.argv:
        print(tell_sizes([PLAN.source(name) for name in PLAN.needed], Path("data/raw")), file=sys.stderr)


def planned(function, *names, **given):
    """What a function of the plan says of the wildcards with these names: an input, or a parameter, of a rule."""

    def of(wildcards):
        return told(function, PLAN, *(getattr(wildcards, name) for name in names), **given)

    return of


def in_data(path):
    """A file of this config's faces."""
    return f"{PLAN.data}/{path}"


def in_results(path):
    """A file of this config's results."""
    return f"{PLAN.results}/{path}"


def either(names):
    """A wildcard's constraint: one of the names."""
    return "|".join(names) or "none"


def all_cores():
    """Every core that the run was given; `--report` is given none, and asks all the same."""
    return workflow.resource_settings.cores or 1


def step(words, live=False, launcher=STEP, places=None):
    """The shell line for one step of `python -m clrface`.

    What the step says goes to its log. What made it fail is shown too; with `live`, all of it at once. places: options that say where
    files lie, for a config whose files don't lie where the step looks by default.
    """
    if PLAN.place and places:
        words = " ".join([words, *(f"{option} {place}" for option, place in places.items())])
    log = "2> >(tee {log} >&2)" if live else "2> {log} || {{ tail -n 15 {log} >&2; exit 2; }}"
    return f"{launcher} {words} {log}"


def training_launcher():
    """STEP, or as many processes of it as the config asks for."""
    count = PLAN.training.processes
    many = f"python -m torch.distributed.run --standalone --nproc-per-node {count} -m clrface"
    return STEP if count == 1 else STEP.replace("python -m clrface", many)


def share_imports(workflow):
    """Run this machine's steps in forks of one process. On a GPU each has its own, since CUDA can't be forked.

    A few jobs don't repay the server's own imports.
    """
    importing = sum(job.rule.name in ("restore", "measure_images", "measure_set", "recognise") for job in workflow.dag.needrun_jobs())
    if workflow.local_exec and not PLAN.gpus and importing >= 10:
        start_fork_server(Path(in_results("logs/forkserver.log")))


def show_tables(workflow):
    """Print the tables that the finished run was about; `make` does so itself, also when there was nothing to do."""
    if os.environ.get("CLRFACE_SHOW") == "no":
        return
    asked = " ".join(map(str, workflow.dag_settings.targets)) or "all"
    wanted = [table for table in PLAN.tables if asked == "all" or table in asked]
    there = [in_results(f"{table}.json") for table in wanted]
    there = [path for path in there if Path(path).is_file()]
    if there:
        subprocess.run([sys.executable, "-m", "clrface", "show", *there])


def tell_failures():
    """Repeat, as the last thing on the screen, what the failed steps said."""
    failed = []
    for path in Path(in_results("logs")).glob("*/*.log"):
        lines = path.read_text(errors="replace").splitlines() if path.stat().st_mtime >= STARTED else []
        failed += [said[0] for line in lines if (said := re.search(r"clrface [\w-]+: .*", line))]  # it may follow a progress bar
    if failed:
        print("\nWhat failed:", *dict.fromkeys(failed), sep="\n  ", file=sys.stderr)
    for folder in ("results", "data"):  # on a full disk the log of what failed is empty
        if Path(folder).is_dir() and shutil.disk_usage(folder).free < 2**20:
            print(f"\nNo space left in {folder}. Free some and run the same command again: it goes on from here.", file=sys.stderr)
