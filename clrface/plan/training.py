"""The training: its faces, the inputs of each stage, and the commands' arguments."""

import json
from functools import cache
from pathlib import Path

from clrface.config.parts import completed
from clrface.config.stages import Stage
from clrface.errors import unknown_name
from clrface.fetch.sources import entry_digest
from clrface.manifest import chunk_name, chunks, read_manifest
from clrface.plan import degrading
from clrface.plan.datasets import aligned_as
from clrface.plan.parts import Dataset
from clrface.plan.plan import Plan
from clrface.plan.words import joined, short_digest, source_record
from clrface.stages import METHOD_OF, needs

CHUNK = 2000
"""Training faces in one job of aligning."""


@cache
def faces(dataset: Dataset) -> list[tuple[str, str]] | list[int]:
    """Return a training set's faces of both splits, name and checksum; their places where those are
    unknown.
    """
    if dataset.source or dataset.drawn:
        return list(range(dataset.drawn or (dataset.source.files if dataset.source else 0) or 0))
    return [(entry.image_id, entry.sha256) for entry in read_manifest(Path(dataset.manifest)) if entry.split != "test"]


def face_chunks(plan: Plan) -> list[str]:
    """Return the folders of aligned training faces, of all sets."""
    return [
        f"{plan.data}/training/{dataset.name}/{chunk_name(index)}"
        for dataset in plan.training.datasets
        for index in range(len(chunks(faces(dataset), CHUNK)))
    ]


def faces_args(plan: Plan) -> str:
    """Return the command's arguments for all training sets: their folders, and the manifest of
    each.
    """
    sets = plan.training.datasets
    return joined(["--faces", *(f"{plan.data}/training/{found.name}" for found in sets), "--manifest", *(found.manifest for found in sets)])


def faces_digest(plan: Plan, dataset: str) -> str:
    """Return a digest of a set's faces."""
    found = _dataset(plan, dataset)
    if found.drawn:
        return short_digest(plan.training.drawing)
    return short_digest([entry_digest(found.source), found.source.files] if found.source else faces(found))


def drawing_args(plan: Plan) -> str:
    """Return the command's arguments for drawing faces; empty where the training has no drawn ones."""
    return joined([word for key, value in (plan.training.drawing or {}).items() for word in (f"--{key}", value)])


def align_inputs(plan: Plan, dataset: str) -> list[str]:
    """Return the faces; and the source of the face detector, unless they are aligned already."""
    found = _dataset(plan, dataset)
    there = found.manifest if found.drawn else source_record(dataset)
    return [*([] if found.comes_aligned else [source_record("dlib")]), there]


def align_args(plan: Plan, dataset: str) -> str:
    """Return the command's arguments for all chunks."""
    found = _dataset(plan, dataset)
    return joined(["--manifest", found.manifest, *(["--aligned"] if found.comes_aligned else []), "--template", plan.template])


def _dataset(plan: Plan, name: str) -> Dataset:
    sets = {dataset.name: dataset for dataset in plan.training.datasets}
    if name not in sets:
        raise unknown_name("training set", name, sets)
    return sets[name]


def degradation_digest(plan: Plan) -> str:
    """Return a digest of the training's degradations."""
    return degrading.degradation_digest(plan, plan.training.degradation)


def record(plan: Plan, stage: str) -> str:
    """Return a stage's record, which it writes when it is done."""
    return f"{plan.results}/train/{METHOD_OF[stage]}/{stage}/training.json"


def records(plan: Plan) -> list[str]:
    """Return every stage's record."""
    return [record(plan, stage) for stage in plan.training.stages]


def loss_logs(plan: Plan) -> list[str]:
    """Return the logs of the stages' losses."""
    return [f"{plan.results}/train/{METHOD_OF[stage]}/{stage}.work/losses.jsonl" for stage in plan.training.stages]


def loss_figure(plan: Plan) -> str:
    """Return the figure of the training's losses."""
    return f"{plan.results}/figures/losses.png"


def stage_inputs(plan: Plan, stage: str) -> list[str]:
    """Return the stages before, and the folder that it starts from, if any."""
    chosen = plan.training.stages[stage]["options"]
    start = chosen.get("start_from", "")
    files = [] if start in ("", *METHOD_OF) else sorted(map(str, Path(start).glob("*.safetensors")))
    return [record(plan, before) for before in needs(stage, chosen)] + files


def stage_spec(plan: Plan, stage: str) -> str:
    """Return a stage's numbers as the command's JSON, and the template of the faces' alignment."""
    template = aligned_as(plan, plan.training.datasets[0])
    return json.dumps({"name": stage, **completed(Stage, plan.training.stages[stage]), "template": template}, sort_keys=True)


def options(plan: Plan) -> str:
    """Return the command's arguments that all stages share."""
    training = plan.training
    words = ["--seed", training.seed, "--workers", training.workers, "--precision", training.precision]
    words += ["--compile"] if training.compiled else []
    return joined([*words, "--degradation", training.degradation, "--device", plan.device])
