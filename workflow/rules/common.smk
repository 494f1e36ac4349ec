"""The config, checked before any work, and what the rules ask of it. Every function of the workflow lives here."""

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from clrface.claims import COST_TABLE, load_claims
from clrface.config import (
    all_rows,
    has_truth,
    leave_out,
    load_config,
    rows,
    table_datasets,
    take_overrides,
    validate_config,
)
from clrface.errors import UserError
from clrface.external import external_path, has_cuda, read_external
from clrface.fetch.sizes import tell_sizes
from clrface.fetch.sources import entry_digest
from clrface.files import sha256_file
from clrface.fingerprint import fingerprint
from clrface.manifest import (
    FETCHED,
    chunk_name,
    chunks,
    every,
    from_folder,
    read_manifest,
    select,
)
from clrface.metrics.registry import metric_card, metric_modules
from clrface.pairs import LIST
from clrface.project import needed_sources, read_project
from clrface.published import load_published, of_blocks
from clrface.registry import method_code
from clrface.stages import METHOD_OF, NEEDS, SHORT, stages_of
from clrface.stages import SOURCES as TRAINING_SOURCES
from clrface.tables.stale import refuse_stale, table_settings
from clrface.weights import digest, local_folder

STARTED = time.time()
TRAINING_CHUNK = 2000
# These photographs are known to show one centred face each: where none is found, the middle is taken.
CENTRED = {"orl": "centre", "lfw": "lfw"}
# What failure cases are picked by: clrface.report.faces.PREFERRED, whose module would import matplotlib.
FAILURES_BY = "idd_dlib"
# One thread a job: a job's arithmetic, to the last digit, doesn't depend on how many cores the others leave.
STEP = "OMP_NUM_THREADS={threads} python -m clrface"
# The Python that runs Snakemake is the one that its jobs call.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]))


def forget_dead_lock():
    """Remove the lock that a killed run left, so that the same command goes on.

    Snakemake's lock is a file that outlives its process. This one is the kernel's: whoever gets it is alone, so
    a lock of Snakemake's that is there is dead. Held until the process ends; by real runs only.
    """
    looking = {"-n", "--dry-run", "--dryrun", "--lint", "--unlock"} & set(sys.argv)
    if looking or not workflow.is_main_process:
        return None
    folder = Path(".snakemake")
    folder.mkdir(exist_ok=True)
    held = (folder / "alive").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    for path in (folder / "locks").glob("*.lock"):
        path.unlink()
    return held


def lift_default_rate(workflow):
    """Take Snakemake's default limit of 100 jobs a second off; one that the user sets stays.

    With a limit, its scheduler (9.27) plans another round for a second after each round and drops none: rounds pile up with every job
    that ends, and after a hundred jobs cost a third of a core.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


ALIVE = forget_dead_lock()


def table_protocol(table):
    """The name of a table's protocol: its own, or the profile's."""
    return config["tables"][table].get("protocol", config["protocol"])


def table_metrics(table):
    return PROTOCOLS[table_protocol(table)]["metrics"]


def protocol_metrics():
    """Every metric of some table, each once."""
    return list(dict.fromkeys(name for table in config["tables"] for name in table_metrics(table)))


try:
    take_overrides(config, workflow.config_settings.configfiles, workflow.config_settings.config)
    leave_out(config)
    PROJECT = read_project()
    KNOWN, SOURCES, PROTOCOLS, METRIC_CARDS = PROJECT.known, PROJECT.sources, PROJECT.protocols, PROJECT.metrics
    validate_config(config, KNOWN)
    METRICS = protocol_metrics()
    for name in METRICS:
        metric_card(name)
    PUBLISHED = load_published("config/published.yaml")
    CLAIMS = load_claims("config/claims.yaml", METRIC_CARDS, config["tables"])
    refuse_stale(config, KNOWN.methods)
except UserError as error:
    raise WorkflowError(str(error)) from None

IMAGE_METRICS = [name for name in METRICS if METRIC_CARDS[name].level == "image"]
RECOGNITION_METRICS = [name for name in METRICS if METRIC_CARDS[name].against == "gallery"]
SET_METRICS = [name for name in METRICS if METRIC_CARDS[name].level == "set" and name not in RECOGNITION_METRICS]
TABLES = list(config["tables"])
# Told aside of the rules: where an archive may lie is no part of what it is, and another mirror reruns nothing.
MIRRORS = [*config["mirrors"], *os.environ.get("CLRFACE_MIRRORS", "").split(os.pathsep)]
os.environ.update(CLRFACE_MIRRORS=os.pathsep.join(dict.fromkeys(MIRRORS)))
os.environ.update(CLRFACE_DEVICE=config["device"])
if "timeout_s" in config:
    os.environ.update(CLRFACE_TIMEOUT_S=str(config["timeout_s"]))
ROWS = {row.name: row for row in all_rows(config, KNOWN.methods)}
CUDA = has_cuda(config["device"])
GPU = int(CUDA or config["device"] == "mps")


# ---- datasets


def is_set(dataset):
    """Whether a dataset is a set of faces whose names are known only once it is fetched: its source says how many there are."""
    return dataset in KNOWN.sets and dataset not in KNOWN.manifests


def manifest_path(dataset):
    """Where a dataset's manifest is: in git, or made when the set is fetched."""
    return f"data/raw/{dataset}/{FETCHED}" if is_set(dataset) else f"data/manifests/{dataset}.csv"


@cache
def dataset_places(dataset):
    """Which pictures of a test set are taken, by their place in it."""
    entry = config["datasets"][dataset]
    try:
        return every(SOURCES[dataset].files, entry.get("images"), entry.get("offset", 0))
    except UserError as error:
        raise WorkflowError(str(error)) from None


@cache
def dataset_entries(dataset):
    """The pictures of a test set whose names are known, in order."""
    entry = config["datasets"][dataset]
    try:
        if "folder" in entry:
            return from_folder(entry["folder"])
        manifest = read_manifest(f"data/manifests/{dataset}.csv")
        split = entry.get("split", "test")
        people = entry.get("identities"), entry.get("images_per_identity")
        some = entry.get("images"), entry.get("offset", 0)
        chosen = select(manifest, *people, split, *some)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    if not chosen:
        splits = ", ".join(dict.fromkeys(item.split for item in manifest))
        found = f"Dataset '{dataset}' has no picture of the split {split}"
        raise WorkflowError(f"{found}, but of {splits}. Set its `split` in the config.")
    return chosen


@cache
def chunk_pictures(dataset):
    """The pictures of each chunk of a test set, by the chunk's name; their places where their names aren't known."""
    pictures = dataset_places(dataset) if is_set(dataset) else dataset_entries(dataset)
    return {chunk_name(index): mine for index, mine in enumerate(chunks(pictures, config["chunk"]))}


def dataset_chunks(dataset):
    """The names of a test set's chunks."""
    return list(chunk_pictures(dataset))


def degraded_chunks(dataset, recipe):
    return [f"data/degraded/{dataset}/{recipe}/{chunk}" for chunk in dataset_chunks(dataset)]


def aligned_chunks(dataset):
    return [f"data/aligned/{dataset}/{chunk}" for chunk in dataset_chunks(dataset)]


def gallery_args(wildcards):
    """The command's words for a test set's gallery: the last photographs of the same people."""
    dataset, entry = wildcards.dataset, config["datasets"][wildcards.dataset]
    if is_own(dataset):
        raise WorkflowError(f"The folder of '{dataset}' doesn't say who is in it, so nobody can be recognised. Leave it out of the table.")
    if is_set(dataset):
        raise WorkflowError(f"Nobody says who is in '{dataset}', so nobody can be recognised. Leave it out of the table.")
    if "gallery" not in entry:
        said = f"Recognition on '{dataset}' compares with clean photographs of its people"
        raise WorkflowError(f"{said}. Say how many of each: `datasets: {{{dataset}: {{gallery: 4}}}}`, or leave the table out.")
    words = ["--dataset", dataset, "--manifest", f"data/manifests/{dataset}.csv"]
    words += ["--raw", f"data/raw/{dataset}", "--splits", entry.get("split", "test")]
    words += ["--identities", entry["identities"]] if "identities" in entry else []
    words += ["--images-per-identity", entry["gallery"], "--last"]
    words += ["--fallback", CENTRED[dataset]] if dataset in CENTRED else []
    return joined([*words, "--chunk", 0, "--chunk-size", 10**6, "--size", config["resolution"], "--template", config["template"]])


def comes_aligned(dataset):
    """Whether a dataset is a set whose faces are aligned already, as FFHQ's."""
    return is_set(dataset) and SOURCES[dataset].aligned


def pair_list(dataset):
    """The list of the pairs to verify, of a test set that has one."""
    listed = SOURCES[dataset].listed if is_set(dataset) else ""
    return [f"data/raw/{listed}/{LIST}"] if listed else []


def gallery_of(dataset):
    """The clean photographs that a test set's probes are compared with: a gallery's; its own, where a list says which are compared."""
    return aligned_chunks(dataset) if pair_list(dataset) else [f"data/gallery/{dataset}"]


def recognise_inputs(wildcards):
    """The gallery's folders, and the list of pairs' source."""
    records = [f"{Path(path).parent}/SOURCE.json" for path in pair_list(wildcards.dataset)]
    return {"gallery": gallery_of(wildcards.dataset), "pairs": records}


def recognise_args(wildcards):
    """The command's words for who is compared with whom."""
    listed = pair_list(wildcards.dataset)
    words = ["--gallery", *gallery_of(wildcards.dataset), "--manifest", manifest_path(wildcards.dataset)]
    return joined([*words, *(["--pairs", *listed] if listed else [])])


def is_own(dataset):
    """Whether a test set is a folder of the user's."""
    return "folder" in config["datasets"].get(dataset, {})


def align_inputs(wildcards):
    """The sources that aligning a dataset reads."""
    if comes_aligned(wildcards.dataset):
        return [f"data/raw/{wildcards.dataset}/SOURCE.json"]
    sources = ["dlib"] if is_own(wildcards.dataset) else ["dlib", wildcards.dataset]
    return [f"data/raw/{source}/SOURCE.json" for source in sources]


def align_args(wildcards):
    """The command's words for one chunk of a test set."""
    dataset, entry = wildcards.dataset, config["datasets"][wildcards.dataset]
    words = ["--dataset", dataset, "--chunk-size", config["chunk"]]
    if is_own(dataset):
        words += ["--folder", entry["folder"]]
        words += [] if entry.get("align", True) else ["--aligned"]
    else:
        words += ["--manifest", manifest_path(dataset)]
        words += ["--raw", f"data/raw/{dataset}"]
        words += ["--aligned"] if comes_aligned(dataset) else []
        words += ["--splits", entry.get("split", "test")]
        for key in ("identities", "images_per_identity", "images", "offset"):
            if key in entry:
                words += [f"--{key.replace('_', '-')}", entry[key]]
    if dataset in CENTRED:
        words += ["--fallback", CENTRED[dataset]]
    return joined([*words, "--chunk", int(wildcards.chunk), "--size", config["resolution"], "--template", config["template"]])


@cache
def recipe_digest(recipe):
    """Changes with the recipe's numbers, and with the source of finished pictures."""
    found = PROJECT.recipes[recipe]
    given = {"given": entry_digest(SOURCES[found.source])} if found.source else {}
    return short_digest({key: value for key, value in asdict(found).items() if value != ""} | given)


def degrade_inputs(wildcards):
    """The source of a recipe's finished pictures, and the names of the test set that they belong to; none for a recipe that degrades."""
    recipe = PROJECT.recipes[wildcards.recipe]
    if recipe.kind != "given":
        return []
    if wildcards.dataset != recipe.dataset:
        said = f"Recipe '{recipe.name}' has finished pictures of '{recipe.dataset}', not of '{wildcards.dataset}'"
        raise WorkflowError(f"{said}. Give '{wildcards.dataset}' a table, or a recipe, of its own.")
    return [f"data/raw/{name}/SOURCE.json" for name in (recipe.source, recipe.dataset)]


def entries_digest(wildcards):
    """Changes with the chunk's pictures; of a set whose names aren't known, with its source's entry and the pictures' places."""
    there = chunk_pictures(wildcards.dataset)
    if wildcards.chunk not in there:
        found = f"'{wildcards.dataset}' has no chunk {wildcards.chunk}, but {chunk_name(0)} to {chunk_name(len(there) - 1)}"
        raise WorkflowError(f"{found}, of {config['chunk']} images each.")
    mine = there[wildcards.chunk]
    if is_set(wildcards.dataset):
        return short_digest([entry_digest(SOURCES[wildcards.dataset]), mine])
    return short_digest([(entry.image_id, entry.sha256) for entry in mine])


# ---- training


@cache
def training_chunks():
    """The chunks of aligned training faces, of both splits."""
    dataset = config["training"]["dataset"]
    count = len(chunks(training_ids(), TRAINING_CHUNK))
    return [f"data/training/{dataset}/{chunk_name(index)}" for index in range(count)]


@cache
def training_ids():
    """The training's faces, or their places in a set whose names aren't known."""
    dataset = config["training"]["dataset"]
    if is_set(dataset):
        return list(range(SOURCES[dataset].files))
    listed = read_manifest(f"data/manifests/{dataset}.csv")
    return [(entry.image_id, entry.sha256) for entry in listed if entry.split != "test"]


def training_digest():
    """Changes with the training's faces."""
    dataset = config["training"]["dataset"]
    return short_digest([entry_digest(SOURCES[dataset]), SOURCES[dataset].files] if is_set(dataset) else training_ids())


def align_training_needs(wildcards):
    """The faces; and what finds them, unless they are aligned already."""
    sources = [wildcards.dataset] if comes_aligned(wildcards.dataset) else ["dlib", wildcards.dataset]
    return [f"data/raw/{source}/SOURCE.json" for source in sources]


def align_training_args(wildcards):
    words = ["--manifest", manifest_path(wildcards.dataset), *(["--aligned"] if comes_aligned(wildcards.dataset) else [])]
    return joined([*words, "--template", config["template"]])


def training_record(stage):
    """What a stage leaves when it is done."""
    return f"results/train/{METHOD_OF[stage]}/{stage}/training.json"


def training_records():
    return [training_record(stage) for stage in config["training"]["stages"]]


def stage_needs(wildcards):
    """The stages before, and the folder that it starts from, if it starts from one."""
    start = config["training"]["stages"][wildcards.stage]["options"].get("start_from", "")
    files = [] if start in ("", *METHOD_OF) else sorted(map(str, Path(start).glob("*.safetensors")))
    return [training_record(stage) for stage in NEEDS[wildcards.stage]] + files


def training_options():
    """The command's words that all stages share."""
    training = config["training"]
    keys = ("seed", "workers", "precision")
    words = [word for key in keys for word in (f"--{key}", training[key])]
    words += ["--compile"] if training["compile"] else []
    return joined([*words, "--recipe", training["degradation"], "--device", config["device"]])


def training_launcher():
    """STEP, or as many processes of it as the config asks for."""
    count = config["training"]["processes"]
    many = f"python -m torch.distributed.run --standalone --nproc-per-node {count} -m clrface"
    return STEP if count == 1 else STEP.replace("python -m clrface", many)


def stage_spec(wildcards):
    """A stage's numbers as the command's JSON. The sets that come aligned are aligned as FFHQ."""
    template = aligned_as(config["training"]["dataset"])
    stage = {"name": wildcards.stage, **config["training"]["stages"][wildcards.stage], "template": template}
    return json.dumps(stage, sort_keys=True)


# ---- methods


def is_stochastic(row):
    return row.method is not None and KNOWN.methods[row.method].stochastic


def row_seeds(row):
    """The seeds that a row is run with: a method without chance needs but one."""
    return config["seeds"] if is_stochastic(row) else config["seeds"][:1]


def restore_inputs(wildcards):
    """The sources, and weights that are still to be trained, of a row's method."""
    row = ROWS[wildcards.row]
    if row.method is None:
        return aligned_chunks(wildcards.dataset)
    card = KNOWN.methods[row.method]
    if card.external:
        return external_inputs(row.method)
    needed = [f"data/raw/{source}/SOURCE.json" for source in card.sources]
    if card.trained_here and config["weights"] == "fit":
        needed += [training_record(stage) for stage in row_stages(row)]
    return needed


def row_stages(row):
    """The stages whose weights a row reads."""
    family = KNOWN.methods[row.method].family
    return stages_of(family, row.params.get("latents", "f4"))


def restore_args(wildcards):
    """The command's words for a row."""
    row = ROWS[wildcards.row]
    if row.method is None:
        return joined(["--finished", row.folder, "--test-set", *aligned_chunks(wildcards.dataset)])
    if KNOWN.methods[row.method].external:
        words = ["--external", external_path(row.method), "--device", config["device"]]
        return joined([*words, "--base-seed", config["base_seed"]])
    words = ["--method", row.method, "--params", json.dumps(row.params, sort_keys=True)]
    card = KNOWN.methods[row.method]
    words += ["--weights", config["weights"]] if card.trained_here else []
    words += ["--device", config["device"]] if card.trained_here or not card.control else []
    return joined([*words, "--base-seed", config["base_seed"]])


@cache
def external_inputs(name):
    """An external program, installed, if it can run here; if not, its row says so."""
    unable = read_external(external_path(name)).why_not(CUDA)
    return [] if unable else [f"data/external/{name}/READY.json"]


def external_needs(wildcards):
    """The weights of an external program."""
    sources = read_external(external_path(wildcards.name)).sources
    return [f"data/raw/{source}/SOURCE.json" for source in sources]


def restore_code(wildcards):
    """Changes with the code, the weights or the finished images that a row's pictures come from."""
    return row_code(wildcards.row)


@cache
def row_code(name):
    """restore_code of a row: every chunk of it has the same."""
    row = ROWS[name]
    if row.method is None:
        return short_digest([fingerprint("clrface.restore.chunk"), folder_digest(row.folder)])
    return short_digest([method_code(row.method), weights_digest(row.method, row.params.get("latents", "f4"))])


def folder_digest(folder):
    """Changes with the pictures in a user's folder."""
    return short_digest([(entry.file, entry.sha256) for entry in from_folder(folder)])


def weight_families():
    """The methods whose weights some row uses."""
    return list(dict.fromkeys(trained_families(ROWS.values())))


def fitted_records():
    """What the training of those weights leaves, where this run trains them."""
    if config["weights"] != "fit":
        return []
    cards = KNOWN.methods
    trained = [row for row in ROWS.values() if row.method and cards[row.method].trained_here]
    return sorted({training_record(stage) for row in trained for stage in row_stages(row)})


@cache
def weights_digest(method, latents="f4"):
    """Checksums of weights that are there before the run; those trained in the run are inputs instead."""
    if not KNOWN.methods[method].trained_here or config["weights"] == "fit":
        return {}
    family = KNOWN.methods[method].family
    folder = local_folder(config["weights"], family)
    if not folder:
        return config["weights"]
    others = {stage for stage in METHOD_OF if stage.endswith(SHORT)} - set(stages_of(family, latents))
    return {file: sha for file, sha in digest(folder).items() if Path(file).parts[0] not in others}


# ---- scores


def restored_chunks(wildcards):
    w = wildcards
    place = f"results/restored/{w.dataset}/{w.recipe}/{w.row}/{w.seed}"
    return [f"{place}/{chunk}" for chunk in dataset_chunks(w.dataset)]


def metric_reference(wildcards):
    """The folders of what a metric compares the restored faces with; see MetricCard.against."""
    dataset, against = wildcards.dataset, METRIC_CARDS[wildcards.metric].against
    if against == "input":
        return degraded_chunks(dataset, wildcards.recipe)
    if against == "clean":
        if has_truth(config, dataset):
            said = f"Metric '{wildcards.metric}' compares '{dataset}' with another set of clean faces"
            raise WorkflowError(f"{said}, and it names none: it has its own ground truth. Give its table another protocol.")
        return aligned_chunks(config["datasets"][dataset]["reference"])
    return aligned_chunks(dataset)


def measure_args(wildcards):
    """The command's words; only a set metric draws the bootstrap itself."""
    bootstrap = 0 if wildcards.metric in IMAGE_METRICS else config["bootstrap"]
    return joined(["--base-seed", config["base_seed"], "--bootstrap", bootstrap])


def measure_code(wildcards):
    return metric_code(wildcards.metric)


@cache
def metric_code(name):
    """Changes with a metric's code: every row has the same."""
    return fingerprint(*metric_modules(name))


# ---- tables


def table_blocks(table):
    """The (dataset, recipe) pairs of a table."""
    recipes = config["tables"][table]["degradations"]
    return [(d, r) for d in table_datasets(config, table) for r in recipes]


@cache
def table_rows(table):
    return rows(config, KNOWN.methods, table)


def table_scores(table):
    """Every score file of a table."""
    return [
        f"results/scores/{dataset}/{recipe}/{row.name}/{seed}/{metric}.csv"
        for dataset, recipe in table_blocks(table)
        for row in table_rows(table)
        for seed in row_seeds(row)
        for metric in table_metrics(table)
        if has_truth(config, dataset) or not METRIC_CARDS[metric].needs_truth
    ]


def table_degraded(wildcards):
    """The low-quality sets of a table: it states their checksums."""
    return [chunk for block in table_blocks(wildcards.table) for chunk in degraded_chunks(*block)]


def trained_families(chosen):
    """The methods whose weights some rows use."""
    cards = [KNOWN.methods[row.method] for row in chosen if row.method]
    return [card.family for card in cards if card.trained_here]


def table_spec(wildcards):
    """A table as the command's JSON."""
    chosen = table_rows(wildcards.table)
    spec = {
        "rows": [
            {
                "method": row.name,
                "dataset": d,
                "degradation": r,
                "seeds": row_seeds(row),
                "has_truth": has_truth(config, d),
            }
            for d, r in table_blocks(wildcards.table)
            for row in chosen
        ],
        "cards": {row.name: [row.method, row.label] for row in chosen if row.method},
        "weights": {
            family: str(local_folder(config["weights"], family))
            for family in dict.fromkeys(trained_families(chosen))
            if local_folder(config["weights"], family)
        },
        "chunks": {d: dataset_chunks(d) for d in table_datasets(config, wildcards.table)},
        "metrics": table_metrics(wildcards.table),
        "protocol": table_protocol(wildcards.table),
        "profile": config["profile"],
        "resolution": config["resolution"],
        "base_seed": config["base_seed"],
        "n_boot": config["bootstrap"],
        "device": config["device"],
        "datasets": {d: config["datasets"][d] for d in table_datasets(config, wildcards.table)},
        "settings": table_settings(config, KNOWN.methods, wildcards.table),
    }
    published = of_blocks(PUBLISHED.get(spec["protocol"], ()), table_blocks(wildcards.table), spec["metrics"])
    if published:
        spec["published"] = [asdict(cell) for cell in published]
    return json.dumps(spec, sort_keys=True)


def table_restored(wildcards):
    """Every restored chunk that a sample sheet may show."""
    return [
        f"results/restored/{dataset}/{recipe}/{row.name}/{row_seeds(row)[0]}/{chunk}"
        for dataset, recipe in table_blocks(wildcards.table)
        for row in table_rows(wildcards.table)
        for chunk in dataset_chunks(dataset)
    ]


def sample_panels(wildcards):
    """The sheet's panels as the command's JSON: input, methods, ground truth."""
    controls = [name for name, card in KNOWN.methods.items() if card.control and not card.part_of]
    panels = []
    for dataset, recipe in table_blocks(wildcards.table):
        columns = {"Input": f"data/degraded/{dataset}/{recipe}"}
        for row in table_rows(wildcards.table):
            if row.method not in controls:
                place = f"{dataset}/{recipe}/{row.name}/{row_seeds(row)[0]}"
                columns[row.label] = f"results/restored/{place}"
        aligned = f"data/aligned/{dataset}"
        columns |= {"Ground truth": aligned} if has_truth(config, dataset) else {}
        title, names = f"{dataset}, {recipe}", dataset_chunks(dataset)
        panels.append({"title": title, "aligned": aligned, "chunks": names, "columns": columns})
    return json.dumps(panels)


def recognises(table):
    """Whether a table is one of recognition, with a picture of its operating curves."""
    return any(METRIC_CARDS[name].against == "gallery" for name in table_metrics(table))


def recognition_tables():
    return [table for table in TABLES if recognises(table)]


def roc_inputs(wildcards):
    """The restored faces of a table, and the galleries."""
    datasets = table_datasets(config, wildcards.table)
    galleries = [folder for dataset in datasets for folder in gallery_of(dataset)]
    sources = {Path(path).parent.name for dataset in datasets for path in pair_list(dataset)}
    sources.update(METRIC_CARDS[roc_metric(wildcards.table)].sources)
    records = [f"data/raw/{name}/SOURCE.json" for name in sorted(sources)]
    return {"restored": table_restored(wildcards), "galleries": galleries, "sources": records}


def roc_metric(table):
    """The metric whose recogniser a table's operating curves are drawn by."""
    return next(name for name in table_metrics(table) if METRIC_CARDS[name].against == "gallery")


def roc_code(wildcards):
    """Changes with the code of the figure, and of the comparison and the recogniser behind it."""
    return fingerprint(*metric_modules(roc_metric(wildcards.table)), "clrface.report.roc")


def roc_panels(wildcards):
    """The figure's panels as the command's JSON."""
    panels = []
    for dataset, recipe in table_blocks(wildcards.table):
        rows_shown = [
            {
                "label": row.label,
                "control": row.method is not None and KNOWN.methods[row.method].control,
                "folders": [
                    f"results/restored/{dataset}/{recipe}/{row.name}/{row_seeds(row)[0]}/{chunk}" for chunk in dataset_chunks(dataset)
                ],
            }
            for row in table_rows(wildcards.table)
        ]
        panels.append(
            {
                "title": f"{dataset}, {recipe}",
                "rows": rows_shown,
                "aligned": aligned_chunks(dataset),
                "gallery": gallery_of(dataset),
                "manifest": manifest_path(dataset),
                "metric": roc_metric(wildcards.table),
                **{"pairs": path for path in pair_list(dataset)},
            }
        )
    return json.dumps(panels)


def claimed_tables():
    """The tables that the claims name and this config makes."""
    return [table for table in CLAIMS.tables if table in TABLES or table == COST_TABLE]


def claimed_scores():
    return [path for table in claimed_tables() if table in TABLES for path in table_scores(table)]


def claims_digest():
    """Changes with what is claimed, and with who is on the photographs: people are resampled."""
    tables = [table for table in claimed_tables() if table in TABLES]
    datasets = sorted({dataset for table in tables for dataset in table_datasets(config, table)})
    known = [dataset for dataset in datasets if not is_set(dataset)]
    people = {dataset: [(entry.image_id, entry.identity) for entry in dataset_entries(dataset)] for dataset in known}
    return short_digest([asdict(CLAIMS), people])


def identity_tables():
    """The tables that measure identity face by face: failure cases are picked by it."""
    return [table for table in TABLES if FAILURES_BY in table_metrics(table)]


def table_figures(table):
    """The figures of a table."""
    kinds = {"samples": True, "failures": table in identity_tables(), "chart": True, "roc": recognises(table)}
    return [f"results/figures/{table}_{kind}.png" for kind, there in kinds.items() if there]


def table_files(tables):
    return [f"results/{table}.csv" for table in tables] + [path for table in tables for path in table_figures(table)]


# ---- the page


def page_pictures():
    """The chunks of every table, each once: aligned, degraded, and restored with every seed."""
    found = {}
    for table in TABLES:
        for dataset, recipe in table_blocks(table):
            places = [f"data/aligned/{dataset}", f"data/degraded/{dataset}/{recipe}"]
            for row in table_rows(table):
                seeds = row_seeds(row)
                places += [f"results/restored/{dataset}/{recipe}/{row.name}/{seed}" for seed in seeds]
            chunks = dataset_chunks(dataset)
            found |= dict.fromkeys(f"{place}/{chunk}" for place in places for chunk in chunks)
    return list(found)


def page_figures():
    """The studies' figures; that of the losses where there was a training."""
    losses = "results/figures/losses.png"
    return study_figures() + ([losses] if Path(losses).is_file() else [])


def report_spec():
    """The page's test sets as the command's JSON."""
    return set_spec({dataset for table in TABLES for dataset in table_datasets(config, table)})


def set_spec(datasets):
    """Test sets as the command's JSON: which chunks, and whose pictures are the input's and the truth's."""
    doubles = {"@input": "identity", "@truth": "oracle"}
    same_as = {column: row.name for column, method in doubles.items() for row in ROWS.values() if row.method == method}
    spec = {
        "chunks": {dataset: dataset_chunks(dataset) for dataset in sorted(datasets)},
        "same_as": same_as,
        "without_truth": sorted(name for name in datasets if not has_truth(config, name)),
    }
    return json.dumps(spec, sort_keys=True)


def page_code():
    """Changes with the page's code, its template, style or script."""
    template = [path for path in Path("clrface/report/template").iterdir() if path.is_file()]
    return short_digest([fingerprint("clrface.report.page"), *map(sha256_file, sorted(template))])


# ---- studies


def sweep_spec(wildcards):
    """A sweep as the command's JSON. It names its own metrics, whatever the protocol's are."""
    sweep = config["sweeps"][wildcards.sweep]
    base = clrface_settings() | sweep.get("base", {})
    spec = {
        "grid": sweep["grid"],
        "base": base,
        "metrics": sweep["metrics"],
        "seeds": sweep.get("seeds", config["seeds"][:1]),
        "base_seed": config["base_seed"],
        "n_boot": config["bootstrap"],
        "code": sweep_code(sweep),
    }
    return json.dumps(spec)


def clrface_settings():
    """CLR-Face's settings, as its row has them without changes of its own."""
    return KNOWN.methods["clrface"].params | config["clrface"]


def sweep_code(sweep):
    """Changes with the code of a sweep and of its metrics, and with CLR-Face's weights."""
    modules = [module for name in sweep["metrics"] for module in metric_modules(name)]
    return study_code("clrface.study.sweep", *modules)


def sweep_figure_args(wildcards):
    sweep = config["sweeps"][wildcards.sweep]
    words = ["--along", sweep["along"], "--grid", *sweep["grid"]]
    return joined([*words, "--metrics", *sweep["metrics"]])


def study_inputs(study):
    """The faces, sources and weights that a study of CLR-Face reads."""
    names = dataset_chunks(study["dataset"])
    dataset, recipe = study["dataset"], study["degradation"]
    needed = {
        "aligned": [f"data/aligned/{dataset}/{chunk}" for chunk in names],
        "degraded": [f"data/degraded/{dataset}/{recipe}/{chunk}" for chunk in names],
        "sources": [f"data/raw/{name}/SOURCE.json" for name in study_sources(study)],
    }
    if config["weights"] == "fit":
        needed["weights"] = [training_record(stage) for stage in stages_of("clrface")]
    return needed


def study_sources(study):
    names = {"dlib", "sface"}
    for metric in study.get("metrics", ()):
        names |= set(METRIC_CARDS[metric].sources)
    return sorted(names)


def study_args(study):
    """The command's words that all studies share."""
    words = ["--dataset", study["dataset"], "--weights", config["weights"]]
    words += ["--images", study["images"]] if "images" in study else []
    return joined([*words, "--device", config["device"]])


def study_code(*modules):
    """Changes with a study's code or CLR-Face's weights."""
    return short_digest([fingerprint(*modules), weights_digest("clrface")])


def cost_rows():
    """The rows whose cost is measured: all that run here and do something, no controls and no table's own variants."""
    runs = [row for row in rows(config, KNOWN.methods) if row.method]
    cards = KNOWN.methods
    return [row for row in runs if not cards[row.method].control and not cards[row.method].external]


def cost_inputs():
    """The faces, sources and weights that the rows need."""
    needed = study_inputs(config["cost"])
    cards = [KNOWN.methods[row.method] for row in cost_rows()]
    sources = {source for card in cards for source in card.sources}
    needed["sources"] = [f"data/raw/{name}/SOURCE.json" for name in sorted(sources)]
    if config["weights"] == "fit":
        trained = [row for row in cost_rows() if KNOWN.methods[row.method].trained_here]
        fitted = sorted({stage for row in trained for stage in row_stages(row)})
        needed["weights"] = [training_record(stage) for stage in fitted]
    return needed


def cost_spec():
    """The rows of the table of costs as the command's JSON."""
    listed = []
    for row in cost_rows():
        card = KNOWN.methods[row.method]
        steps, images = training_seen(row) if card.trained_here else (0, 0)
        listed.append(
            {
                "row": row.name,
                "label": row.label,
                "method": row.method,
                "family": card.family,
                "params": row.params,
                "trained_here": card.trained_here,
                "training_steps": steps,
                "training_images": images,
            }
        )
    code = [row_code(row.name) for row in cost_rows()]
    study = fingerprint("clrface.study.cost", "clrface.tables.costs")
    return json.dumps({"rows": listed, "rounds": config["cost"]["rounds"], "code": [study, *code]})


@cache
def shipped_config():
    return load_config(["config/embedded.yaml"])


def training_seen(row):
    """Steps and images of a row's stages, with those that they started from; none where nobody knows: a folder's, a hub's weights."""
    if config["weights"] not in ("shipped", "fit"):
        return 0, 0
    # The shipped weights saw the shipped recipe, whatever this config would train.
    recipe = config if config["weights"] == "fit" else shipped_config()
    stages, pending = set(), row_stages(row)
    while pending:
        stage = pending.pop()
        stages.add(stage)
        pending += [before for before in NEEDS[stage] if before not in stages]
    specs = [recipe["training"]["stages"][stage] for stage in stages]
    return sum(spec["steps"] for spec in specs), sum(spec["steps"] * spec["batch"] for spec in specs)


def study_files():
    """Every study's table and figure."""
    return [*study_figures(), "results/mask.csv", "results/codebook.json"]


def study_figures():
    sweeps = [sweep for sweep in config["sweeps"] if sweep not in tuning_sweeps()]
    return [f"results/figures/{name}.png" for name in ["overview", "mask", *sweeps]]


def figure_files():
    """Every figure; that of the losses only where there was a training."""
    return [path for table in TABLES for path in table_figures(table)] + study_figures()


def tuning_sweeps():
    """The sweeps that chose the settings (config/tune.yaml)."""
    return [sweep for sweep in config["sweeps"] if sweep.startswith("tune_")]


def loss_logs():
    """Where the training's stages write their losses."""
    stages = config["training"]["stages"]
    return [f"results/train/{METHOD_OF[stage]}/{stage}.work/losses.jsonl" for stage in stages]


def tell_other_size():
    """Say when the shipped weights run at another size than they were trained at: they can, but it isn't what they learned."""
    methods = dict.fromkeys(row.method for row in ROWS.values() if row.method and KNOWN.methods[row.method].trained_here)
    size, trained_at = config["resolution"], shipped_config()["resolution"]
    if methods and config["weights"] == "shipped" and size != trained_at and workflow.is_main_process:
        said = (
            f"Note: the shipped weights were trained at {trained_at} pixels, and resolution is {size}: {', '.join(methods)} run outside of"
        )
        print(f"{said} what they learned. Train them at {size}: `weights: fit`, and config/gpu.yaml.", file=sys.stderr)


def aligned_as(dataset):
    """How a dataset's faces are aligned: by FFHQ's template where they come aligned, by the config's where we align them; "" unknown."""
    if comes_aligned(dataset):
        return "ffhq"
    entry = config["datasets"].get(dataset, {})
    return "" if "folder" in entry and not entry.get("align", True) else config["template"]


def tell_other_alignment():
    """Say when faces are aligned otherwise than those that the weights were trained on."""
    if config["weights"] not in ("shipped", "fit") or not workflow.is_main_process:
        return
    learned = aligned_as(config["training"]["dataset"]) if config["weights"] == "fit" else "utkface"
    shown = {dataset for table in TABLES for dataset in table_datasets(config, table)}
    others = sorted(dataset for dataset in shown if aligned_as(dataset) not in ("", learned))
    if others and any(row.method and KNOWN.methods[row.method].trained_here for row in ROWS.values()):
        said = f"Note: the weights' training faces are aligned by the template '{learned}', those of {', '.join(others)} are not"
        print(f"{said}: the networks trained here see them at another scale. Read those rows with care.", file=sys.stderr)


def tell_metrics_of_other_alignment():
    """Say which metrics look at faces aligned otherwise than a table's."""
    if not workflow.is_main_process:
        return
    for dataset in sorted({dataset for table in TABLES for dataset in table_datasets(config, table)}):
        measured = {name for table in TABLES if dataset in table_datasets(config, table) for name in table_metrics(table)}
        wrong = [name for name in sorted(measured) if METRIC_CARDS[name].template not in ("", aligned_as(dataset))]
        if wrong and aligned_as(dataset):
            said = f"Note: {', '.join(wrong)} look where the template '{METRIC_CARDS[wrong[0]].template}' has a face, but {dataset}'s are"
            print(f"{said} aligned by '{aligned_as(dataset)}': don't use those values. Give its table another protocol.", file=sys.stderr)


def show_tables(workflow):
    """Print the tables that the finished run was about; `make` does so itself, also when there was nothing to do."""
    if os.environ.get("CLRFACE_SHOW") == "no":
        return
    targets = " ".join(map(str, workflow.dag_settings.targets)) or "all"
    wanted = [table for table in TABLES if targets == "all" or table in targets]
    there = [f"results/{table}.json" for table in wanted]
    there = [path for path in there if Path(path).is_file()]
    if there:
        subprocess.run([sys.executable, "-m", "clrface", "show", *there])


def tell_failures():
    """Repeat, as the last thing on the screen, what the failed steps said."""
    told = []
    for path in Path("results/logs").glob("*/*.log"):
        lines = path.read_text(errors="replace").splitlines() if path.stat().st_mtime >= STARTED else []
        told += [said[0] for line in lines if (said := re.search(r"clrface [\w-]+: .*", line))]  # it may follow a progress bar
    if told:
        print("\nWhat failed:", *dict.fromkeys(told), sep="\n  ", file=sys.stderr)


# ---- words


def fetched_files():
    """What `snakemake fetch` brings: the sources that the whole config needs, and the external programs that can run here."""
    names = needed_sources(config, PROJECT)
    if "fetch" in sys.argv and workflow.is_main_process:
        print(tell_sizes([SOURCES[name] for name in names], Path("data/raw")), file=sys.stderr)
    external = [row.method for row in ROWS.values() if row.method and KNOWN.methods[row.method].external]
    programs = [path for name in dict.fromkeys(external) for path in external_inputs(name)]
    return [f"data/raw/{name}/SOURCE.json" for name in names] + programs


def metric_sources(wildcards):
    sources = METRIC_CARDS[wildcards.metric].sources
    return [f"data/raw/{source}/SOURCE.json" for source in sources]


def all_cores():
    """Every core that the run was given; `--report` is given none, and asks all the same."""
    return workflow.resource_settings.cores or 1


def step(words, live=False, launcher=STEP):
    """The shell line for one step of `python -m clrface`.

    What the step says goes to its log. What made it fail is shown too; with `live`, all of it at once.
    """
    log = "2> >(tee {log} >&2)" if live else "2> {log} || {{ tail -n 15 {log} >&2; exit 2; }}"
    return f"{launcher} {words} {log}"


def joined(words):
    """The words quoted for the shell."""
    return shlex.join(map(str, words))


def short_digest(value):
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
