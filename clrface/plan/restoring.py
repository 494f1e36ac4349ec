"""Rows: what restoring a chunk needs, its command's arguments, and what its images depend on."""

import json
from functools import cache
from pathlib import Path

from clrface.config.rows import Row
from clrface.external import external_path
from clrface.fingerprint import fingerprint
from clrface.finished import folder_entries
from clrface.plan.datasets import aligned_chunks
from clrface.plan.fetching import external_inputs
from clrface.plan.plan import Plan
from clrface.plan.training import record
from clrface.plan.words import joined, short_digest, source_record
from clrface.registry import method_code
from clrface.stages import METHOD_OF, SHORT, stages_of
from clrface.weights import digest, local_folder


def restored_folder(plan: Plan, dataset: str, degradation: str, row: Row) -> str:
    """Return the folder of the images of a row that are shown: those of its first seed."""
    return f"{plan.results}/restored/{dataset}/{degradation}/{row.name}/{plan.row_seeds(row)[0]}"


def restore_inputs(plan: Plan, dataset: str, row: str) -> list[str]:
    """Return the sources of a row's method, and weights yet to be trained.

    For finished images: the manifest of names that they must have.
    """
    found = plan.row(row)
    card = plan.card(found)
    if card is None:
        return aligned_chunks(plan, dataset)
    if card.external:
        return external_inputs(plan, card.name)
    trained = row_stages(plan, found) if card.trained_here and plan.fits else []
    return [source_record(source) for source in card.assets] + [record(plan, stage) for stage in trained]


def restore_args(plan: Plan, dataset: str, row: str) -> str:
    """Return the command's arguments for a row."""
    found = plan.row(row)
    card = plan.card(found)
    if card is None:
        return joined(["--finished", found.folder, "--test-set", *aligned_chunks(plan, dataset)])
    if card.external:
        words = ["--external", external_path(card.name), "--device", plan.device]
        return joined([*words, "--base-seed", plan.base_seed])
    words = ["--method", card.name, "--params", json.dumps(found.params, sort_keys=True)]
    words += ["--weights", plan.trained] if card.trained_here else []
    words += ["--device", plan.device] if card.trained_here or not card.control else []
    return joined([*words, "--base-seed", plan.base_seed])


@cache
def row_code(plan: Plan, row: str) -> str:
    """Return a digest of the code, the weights or the finished images that a row's images come
    from.
    """
    found = plan.row(row)
    if found.method is None:
        return short_digest([fingerprint("clrface.restoration.chunk"), submitted(plan, found)])
    return short_digest([method_code(found.method), weights_digest(plan, found.method, latents_of(found))])


def row_blocks(plan: Plan, row: Row) -> list[tuple[str, str]]:
    """The (dataset, degradation) blocks of the tables that have a row."""
    return list(dict.fromkeys(block for table in plan.tables.values() if row in table.rows for block in table.blocks))


def submitted(plan: Plan, row: Row) -> list[tuple[str, str]]:
    """Return the finished images of a row, in all blocks of the tables that have it."""
    return folder_entries(row.folder or Path(), row_blocks(plan, row))


# ---- weights


def latents_of(row: Row) -> str:
    """Return the latents of a row of CLR-Face; for all others, CLR-Face's own, which they ignore."""
    return row.params.get("latents", "f4")


def row_stages(plan: Plan, row: Row) -> list[str]:
    """Return the stages whose weights a row reads."""
    card = plan.card(row)
    return stages_of(card.family, latents_of(row)) if card else []


def families(plan: Plan) -> list[str]:
    """Return the methods whose weights some row uses."""
    return list(dict.fromkeys(card.family for _, card in plan.trained_rows()))


def fitted_records(plan: Plan) -> list[str]:
    """Return the records of those weights' training, where this run trains them."""
    trained = plan.trained_rows() if plan.fits else []
    return sorted({record(plan, stage) for row, _ in trained for stage in row_stages(plan, row)})


@cache
def weights_digest(plan: Plan, method: str, latents: str = "f4") -> dict[str, str] | str:
    """Return checksums of weights that exist before the run; those trained in the run are inputs
    instead.
    """
    card = plan.project.known.methods[method]
    if not card.trained_here or plan.fits:
        return {}
    folder = local_folder(plan.weights, card.family)
    if not folder:
        return plan.weights
    others = {stage for stage in METHOD_OF if stage.endswith(SHORT)} - set(stages_of(card.family, latents))
    return {file: sha for file, sha in digest(folder).items() if Path(file).parts[0] not in others}


def weights_args(plan: Plan) -> str:
    """Return the command's arguments for the record of weights."""
    return joined([*families(plan), "--weights", plan.trained])


def all_weights(plan: Plan) -> dict[str, dict[str, str] | str]:
    """Return the checksums of all weights that some row uses."""
    return {family: weights_digest(plan, family) for family in families(plan)}
