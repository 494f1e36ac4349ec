"""The training: its faces, what each stage needs and is told."""

import json
from functools import cache
from pathlib import Path

from clrface.errors import unknown_name
from clrface.fetch.sources import entry_digest
from clrface.manifest import chunk_name, chunks, read_manifest
from clrface.plan import degrading
from clrface.plan.datasets import aligned_as
from clrface.plan.parts import Dataset
from clrface.plan.plan import Plan
from clrface.plan.words import joined, short_digest, source_record
from clrface.stages import METHOD_OF, NEEDS

CHUNK = 2000
"""Training faces a job of aligning."""


@cache
def faces(dataset: Dataset) -> list[tuple[str, str]] | list[int]:
    """The training's faces, name and checksum, of both splits; or their places in a set whose names aren't known."""
    if dataset.source:
        return list(range(dataset.source.files or 0))
    return [(entry.image_id, entry.sha256) for entry in read_manifest(Path(dataset.manifest)) if entry.split != "test"]


def face_chunks(plan: Plan) -> list[str]:
    """The folders of aligned training faces."""
    dataset = plan.training.dataset
    count = len(chunks(faces(dataset), CHUNK))
    return [f"data/training/{dataset.name}/{chunk_name(index)}" for index in range(count)]


@cache
def faces_digest(plan: Plan) -> str:
    """Changes with the training's faces."""
    dataset = plan.training.dataset
    return short_digest([entry_digest(dataset.source), dataset.source.files] if dataset.source else faces(dataset))


def align_inputs(plan: Plan, dataset: str) -> list[str]:
    """The faces' source; and that of what finds them, unless they are aligned already."""
    found = _dataset(plan, dataset)
    return [source_record(name) for name in ([] if found.comes_aligned else ["dlib"]) + [dataset]]


def align_args(plan: Plan, dataset: str) -> str:
    """The command's words for all chunks."""
    found = _dataset(plan, dataset)
    return joined(["--manifest", found.manifest, *(["--aligned"] if found.comes_aligned else []), "--template", plan.template])


def _dataset(plan: Plan, name: str) -> Dataset:
    if name != plan.training.dataset.name:
        raise unknown_name("training set", name, [plan.training.dataset.name])
    return plan.training.dataset


def recipe_digest(plan: Plan) -> str:
    """Changes with the training's degradations."""
    return degrading.recipe_digest(plan, plan.training.degradation)


def record(stage: str) -> str:
    """What a stage leaves when it is done."""
    return f"results/train/{METHOD_OF[stage]}/{stage}/training.json"


def records(plan: Plan) -> list[str]:
    """What every stage leaves."""
    return [record(stage) for stage in plan.training.stages]


def loss_logs(plan: Plan) -> list[str]:
    """Where the stages write their losses."""
    return [f"results/train/{METHOD_OF[stage]}/{stage}.work/losses.jsonl" for stage in plan.training.stages]


def stage_inputs(plan: Plan, stage: str) -> list[str]:
    """The stages before, and the folder that it starts from, if it starts from one."""
    start = plan.training.stages[stage]["options"].get("start_from", "")
    files = [] if start in ("", *METHOD_OF) else sorted(map(str, Path(start).glob("*.safetensors")))
    return [record(before) for before in NEEDS[stage]] + files


def stage_spec(plan: Plan, stage: str) -> str:
    """A stage's numbers as the command's JSON, and the template that the faces are aligned by."""
    template = aligned_as(plan, plan.training.dataset)
    return json.dumps({"name": stage, **plan.training.stages[stage], "template": template}, sort_keys=True)


def options(plan: Plan) -> str:
    """The command's words that all stages share."""
    training = plan.training
    words = ["--seed", training.seed, "--workers", training.workers, "--precision", training.precision]
    words += ["--compile"] if training.compiled else []
    return joined([*words, "--recipe", training.degradation, "--device", plan.device])
