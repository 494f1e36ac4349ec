"""Test sets: their images, cut into chunks, their alignment, and the pairs that are compared."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from clrface.errors import UserError
from clrface.fetch.sources import entry_digest
from clrface.manifest import Entry, chunk_name, chunks, every, from_folder, read_manifest, select
from clrface.pairs import LIST
from clrface.plan.parts import Dataset
from clrface.plan.plan import Plan
from clrface.plan.words import joined, short_digest, source_record

CENTRED = {"orl": "centre", "lfw": "lfw", "lfw_deepfunneled": "lfw", "lfw_devtest": "lfw"}
"""Photographs with one centred face each: where none is found, the middle is taken."""
WHOLE = ("identities", "images_per_identity", "images", "offset")
"""The keys of a dataset that choose among a manifest's images."""


@cache
def entries(dataset: Dataset) -> list[Entry]:
    """Return the images of a test set with known names, in order.

    Raises: UserError for no images, or fewer than asked for.
    """
    if dataset.folder is not None:
        return from_folder(Path(dataset.folder))
    manifest = read_manifest(Path(dataset.manifest))
    entry = dataset.entry
    people = entry.get("identities"), entry.get("images_per_identity")
    chosen = select(manifest, *people, dataset.split, entry.get("images"), dataset.offset)
    if not chosen:
        splits = ", ".join(dict.fromkeys(item.split for item in manifest))
        found = f"Dataset '{dataset.name}' has no image of the split {dataset.split}"
        raise UserError(f"{found}, but of {splits}. Set its `split` in the config.")
    return chosen


def places(dataset: Dataset) -> list[int]:
    """Return the images of a test set without known names, by their places in it."""
    count = dataset.source.files if dataset.source else None
    return every(count or 0, dataset.entry.get("images"), dataset.offset)


@cache
def chunk_images(plan: Plan, dataset: str) -> dict[str, Sequence[Entry | int]]:
    """Return the images of each chunk of a test set, by the chunk's name; their places where names
    are unknown.
    """
    found = plan.dataset(dataset)
    images: Sequence[Entry | int] = places(found) if found.source else entries(found)
    return {chunk_name(index): mine for index, mine in enumerate(chunks(images, plan.chunk))}


def chunk_names(plan: Plan, dataset: str) -> list[str]:
    """Return the names of a test set's chunks."""
    return list(chunk_images(plan, dataset))


def aligned_chunks(plan: Plan, dataset: str) -> list[str]:
    """Return the folders of a test set's aligned faces."""
    return [f"{plan.data}/aligned/{dataset}/{chunk}" for chunk in chunk_names(plan, dataset)]


def degraded_chunks(plan: Plan, dataset: str, degradation: str) -> list[str]:
    """Return the folders of a test set's low-quality versions."""
    return [f"{plan.data}/degraded/{dataset}/{degradation}/{chunk}" for chunk in chunk_names(plan, dataset)]


def align_inputs(plan: Plan, dataset: str) -> list[str]:
    """Return the sources that aligning a test set, or its gallery, reads."""
    found = plan.dataset(dataset)
    if found.comes_aligned:
        return [source_record(dataset)]
    return [source_record("dlib"), *([] if found.folder else [source_record(dataset)])]


def align_args(plan: Plan, dataset: str, chunk: str) -> str:
    """Return the command's arguments for one chunk of a test set."""
    found = plan.dataset(dataset)
    words: list[object] = ["--dataset", dataset, "--chunk-size", plan.chunk]
    if found.folder is not None:
        words += ["--folder", found.folder, *([] if found.to_align else ["--aligned"])]
    else:
        words += ["--manifest", found.manifest, "--raw", f"data/raw/{dataset}", *(["--aligned"] if found.comes_aligned else [])]
        words += ["--splits", found.split]
        words += [word for key in WHOLE if key in found.entry for word in (f"--{key.replace('_', '-')}", found.entry[key])]
    return joined([*words, *_where_centred(dataset), "--chunk", int(chunk), *_geometry(plan)])


def chunk_digest(plan: Plan, dataset: str, chunk: str) -> str:
    """Return a digest of a chunk's images; without known names, of its source's entry and the
    images' places.

    Raises: UserError for a chunk that the test set lacks.
    """
    there = chunk_images(plan, dataset)
    if chunk not in there:
        found = f"'{dataset}' has no chunk {chunk}, but {chunk_name(0)} to {chunk_name(len(there) - 1)}"
        raise UserError(f"{found}, of {plan.chunk} images each.")
    mine, source = there[chunk], plan.dataset(dataset).source
    if source:
        return short_digest([entry_digest(source), mine])
    return short_digest([(entry.image_id, entry.sha256) for entry in mine if isinstance(entry, Entry)])


def aligned_as(plan: Plan, dataset: Dataset) -> str:
    """Return the template by which a dataset's faces are aligned; "" for unknown.

    It is their own where they come aligned, and the config's where they are aligned here.
    """
    if dataset.comes_aligned:
        return dataset.comes_as
    return "" if dataset.folder is not None and not dataset.to_align else plan.template


# ---- recognition


def gallery_args(plan: Plan, dataset: str) -> str:
    """Return the command's arguments for a test set's gallery: the last photographs of the same
    people.

    Raises: UserError for a test set of unknown people, or whose config lacks the number of
    photographs.
    """
    found = plan.dataset(dataset)
    if found.folder is not None:
        raise UserError(f"The folder of '{dataset}' doesn't name its people, so recognition can't be measured. Leave it out of the table.")
    if found.source:
        raise UserError(f"The people in '{dataset}' are unknown, so recognition can't be measured. Leave it out of the table.")
    if "gallery" not in found.entry:
        said = f"Recognition on '{dataset}' compares with clean photographs of its people"
        raise UserError(f"{said}. Say how many of each: `datasets: {{{dataset}: {{gallery: 4}}}}`, or leave the table out.")
    words = ["--dataset", dataset, "--manifest", found.manifest, "--raw", f"data/raw/{dataset}", "--splits", found.split]
    words += ["--identities", found.entry["identities"]] if "identities" in found.entry else []
    words += ["--images-per-identity", found.entry["gallery"], "--last", *_where_centred(dataset)]
    return joined([*words, "--chunk", 0, "--chunk-size", 10**6, *_geometry(plan)])


def manifest_digest(plan: Plan, dataset: str) -> str:
    """Return a digest of the manifest that a gallery is chosen from."""
    return short_digest(Path(plan.dataset(dataset).manifest).read_text(encoding="utf-8"))


def gallery_of(plan: Plan, dataset: str) -> list[str]:
    """Return the clean photographs that a test set's probes are compared with.

    They are a gallery's, or the set's own where a list names the pairs.
    """
    return aligned_chunks(plan, dataset) if plan.dataset(dataset).listed else [f"{plan.data}/gallery/{dataset}"]


def pair_list(plan: Plan, dataset: str) -> str:
    """Return the list of pairs to verify; empty for a test set without one."""
    listed = plan.dataset(dataset).listed
    return f"data/raw/{listed}/{LIST}" if listed else ""


def _where_centred(dataset: str) -> list[str]:
    return ["--fallback", CENTRED[dataset]] if dataset in CENTRED else []


def _geometry(plan: Plan) -> list[object]:
    return ["--size", plan.resolution, "--template", plan.template]
