"""Results that others bring: folders of finished images, and checks that nothing is missing.

Images of one block lie in `<folder>/<dataset>/<degradation>/<image_id>.png`. For a run with a
single block they may lie in `<folder>` itself. Nothing heavy is imported here.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clrface.errors import UserError
from clrface.listing import list_images
from clrface.manifest import from_folder, match_ids

WANTED = {
    "label": "the name that tables show",
    "paper": "authors, title, venue, year",
    "code": "the address of the code",
    "version": "the commit, release or weights that made the images",
    "licence": "the licence of code and weights",
}
"""What a row of finished images should say of itself in the config."""


MAKE = "snakemake --cores all"


@dataclass(frozen=True)
class Block:
    """One test set under one degradation, as a submission must cover it."""

    dataset: str
    degradation: str
    ids: Collection[str]
    """The images' ids; empty where the test set isn't fetched yet."""
    size: int
    """Pixels a side."""
    inputs: Sequence[str]
    """The folders of its degraded images: Snakemake's targets, which may not be made yet."""
    degraded: Mapping[str, Path]
    truth: Mapping[str, Path]
    """The inputs and the ground truth by id, as far as they were made here."""


def block_folder(folder: Path, dataset: str, degradation: str) -> Path:
    """Where the images of a block lie."""
    return folder / dataset / degradation if (folder / dataset).is_dir() else folder


def _flat(folder: Path, places: Mapping[tuple[str, str], Path]) -> str:
    """What is wrong where one folder would stand for several blocks; empty for nothing."""
    block = next((block for block, place in places.items() if place == folder), None)
    if block is None or len(places) == 1:
        return ""
    return (
        f"Found no folder {folder / block[0] / block[1]}, and {len(places)} blocks of the tables: one folder of images can't serve "
        f"several. Expected {folder}/<dataset>/<degradation>/<image_id>.png."
    )


def folder_entries(folder: Path, blocks: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the images of all blocks: each path within the folder, with its SHA-256.

    Raises: UserError for one folder of images that would serve several blocks.
    """
    places = {block: block_folder(folder, *block) for block in blocks}
    if flat := _flat(folder, places):
        raise UserError(flat)
    return [(str(place.relative_to(folder) / one.file), one.sha256) for place in sorted(set(places.values())) for one in from_folder(place)]


def checksum(images: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the lines `path<TAB>sha256<LF>` of `folder_entries`."""
    return hashlib.sha256("".join(f"{path}\t{sha256}\n" for path, sha256 in images).encode()).hexdigest()


def findings(entry: Mapping[str, str], blocks: Collection[Block]) -> Iterator[str]:
    """Yield what is missing or wrong in a row of finished images, a sentence each; nothing for a
    complete one.

    entry: the config's, with its `folder`. Nothing is measured.
    """
    for key, meaning in WANTED.items():
        if not entry.get(key, "").strip():
            yield f"`{key}` is missing: {meaning}."
    folder = Path(entry["folder"])
    if flat := _flat(folder, {(one.dataset, one.degradation): block_folder(folder, one.dataset, one.degradation) for one in blocks}):
        yield flat
        return
    for block in blocks:
        yield from _block_findings(folder, block)


def _block_findings(folder: Path, block: Block) -> Iterator[str]:
    place, name = block_folder(folder, block.dataset, block.degradation), f"{block.dataset}, {block.degradation}"
    try:
        images = list_images(place).images
        if block.ids:
            match_ids(images, block.ids, str(place))
    except UserError as error:
        yield f"{name}: {error}"
        return
    if not block.ids:
        yield f"{name}: not checked for missing images, since {block.dataset} isn't fetched. Run with this config: {MAKE} fetch"
    if not (block.degraded and block.truth):
        command = f"{MAKE} {' '.join(block.inputs)}"
        yield f"{name}: not compared with inputs and ground truth, since they aren't made. Run with this config: {command}"
    problems: dict[str, list[str]] = {}
    for image_id, path in images.items():
        if reason := _image_finding(path, block.size, block.degraded.get(image_id), block.truth.get(image_id)):
            problems.setdefault(reason, []).append(path.name)
    for reason, names in problems.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{name}: {reason}: {shown}."


def _image_finding(path: Path, size: int, degraded: Path | None, truth: Path | None) -> str:
    """What is wrong with one image; empty for nothing."""
    from clrface.images import read_rgb

    try:
        rgb = read_rgb(path)
    except UserError as error:
        return f"an image can't be read ({error})"
    if rgb.shape[:2] != (size, size):
        return f"found {rgb.shape[1]}x{rgb.shape[0]} pixels, expected {size}x{size}"
    for other, what in ((degraded, "the degraded input"), (truth, "the ground truth")):
        if other is not None and (rgb == read_rgb(other)).all():
            return f"equal to {what}"
    return ""
