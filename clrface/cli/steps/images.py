"""Steps that make images, and measure them: align, degrade, restore, measure."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clrface.catalogue import DEGRADATIONS
from clrface.cli.parts import PATH, Command, Json, one_of, path_option, paths_option
from clrface.cli.shared import CACHE, DEVICE, OUT, RAW, RAW_OPTION, WEIGHTS, image_ids, set_threads
from clrface.device import pick_device
from clrface.errors import UserError

if TYPE_CHECKING:
    from clrface.evaluation.recognise import Gallery
    from clrface.manifest import Entry
    from clrface.restoration.chunk import Chunk

EXTERNAL = Path("data/external")


@click.command(cls=Command)
@click.option("--dataset", required=True)
@path_option("--manifest", "A manifest; its files lie in --raw.")
@path_option("--folder", "A folder of images.")
@path_option("--raw", "The folder of the manifest's files.", default=RAW, show_default=True)
@click.option("--identities", type=int)
@click.option("--images-per-identity", type=int)
@click.option("--last", is_flag=True, help="Take each person's last images, not the first.")
@click.option("--images", type=int, help="So many of them, evenly spaced.")
@click.option("--offset", type=int, default=0, help="Start so many images later.")
@click.option("--splits", multiple=True, metavar="SPLIT ...", default=("test",), show_default=True)
@click.option("--chunk", type=int, required=True)
@click.option("--chunk-size", type=int, required=True)
@click.option("--size", type=int, required=True, help="Pixels a side.")
@path_option("--dlib", "The folder of dlib's models.", default=RAW / "dlib", show_default=True)
@click.option(
    "--fallback",
    type=click.Choice(["none", "centre", "lfw"]),
    default="none",
    help="Where every image is known to hold one centred face, as ORL's or LFW's.",
)
@click.option("--template", type=click.Choice(["utkface", "ffhq"]), default="utkface", help="Where eyes and mouth are brought to.")
@click.option("--aligned", is_flag=True, help="The images are aligned already: only bring them to size.")
@OUT
def align(
    dataset: str,
    manifest: Path | None,
    folder: Path | None,
    raw: Path,
    splits: tuple[str, ...],
    chunk: int,
    chunk_size: int,
    size: int,
    dlib: Path,
    fallback: Any,
    template: Any,
    aligned: bool,
    out: Path,
    **selection: Any,
) -> None:
    """Align one chunk of a dataset's faces to the template."""
    from clrface.align.chunk import align_chunk, refuse_faceless, resize_chunk
    from clrface.manifest import chunk_name, chunks, from_folder

    one_of(manifest=manifest, folder=folder)
    if folder:
        entries, raw = from_folder(folder), folder
    else:
        assert manifest
        entries = [entry for split in splits for entry in _selected(manifest, split, **selection)]
    by_id = {entry.image_id: entry for entry in entries}
    parts = chunks(list(by_id), chunk_size)
    mine = [by_id[image_id] for image_id in parts[chunk]]
    if aligned:
        resize_chunk(mine, raw, out, size)
    else:
        align_chunk(mine, raw, out, size, dlib, fallback, template)
        folders = [out.parent / chunk_name(part) for part in range(len(parts))] if len(parts) > 1 else [out]
        refuse_faceless(dataset, folders)


def _selected(
    manifest: Path, split: str, identities: int | None, images_per_identity: int | None, images: int | None, offset: int, last: bool
) -> "list[Entry]":
    from clrface.manifest import read_manifest, select

    return select(read_manifest(manifest), identities, images_per_identity, split, images, offset, last)


@click.command("degrade-chunk", cls=Command)
@click.option("--dataset", required=True)
@click.option("--degradation", required=True)
@path_option("--degradations", "The file of degradations.", default=DEGRADATIONS)
@path_option("--aligned", "The chunk of aligned faces.", required=True)
@click.option("--base-seed", type=int, required=True)
@RAW_OPTION
@OUT
def degrade(dataset: str, degradation: str, degradations: Path, aligned: Path, base_seed: int, raw: Path, out: Path) -> None:
    """Degrade one chunk of aligned faces by a named degradation."""
    from clrface.degradation.chunk import degrade_chunk
    from clrface.degradation.draw import get_degradation, load_degradations

    chosen = get_degradation(load_degradations(degradations), degradation)
    degrade_chunk(image_ids(aligned, only_ok=True), aligned, out, chosen, dataset, base_seed, raw)


@click.command("install-external", cls=Command, example="clrface install-external clrface/baselines/external/vqfr.yaml")
@click.argument("card", type=PATH)
@RAW_OPTION
@path_option("--to", "The folder of installed programs.", default=EXTERNAL, show_default=True)
def install_external(card: Path, raw: Path, to: Path) -> None:
    """Get an external method's repository, weights and environment."""
    from clrface.external import read_external
    from clrface.restoration.external import install

    program = read_external(card)
    install(program, to / program.name, raw)


@click.command("restore-chunk", cls=Command)
@click.option("--method", help="A file of clrface/baselines, or a plug-in.")
@path_option("--external", "The card of an external method, installed by install-external.")
@path_option("--finished", "A folder of finished images, <image_id>.png.")
@click.option("--params", type=Json(), default={}, help="The method's parameters as JSON.")
@WEIGHTS
@click.option("--dataset", required=True)
@path_option("--aligned", "The chunk of aligned faces.", required=True)
@paths_option("--test-set", "With --finished: all aligned chunks of the test set.")
@path_option("--degraded", "The chunk of degraded faces.", required=True)
@RAW_OPTION
@DEVICE
@click.option("--batch", type=int, default=16)
@click.option("--base-seed", type=int, default=0)
@click.option("--seed", type=int, default=0)
@OUT
def restore(
    method: str | None,
    external: Path | None,
    finished: Path | None,
    dataset: str,
    aligned: Path,
    test_set: tuple[Path, ...],
    degraded: Path,
    device: str,
    base_seed: int,
    seed: int,
    out: Path,
    **settings: Any,
) -> None:
    """Restore one chunk of degraded faces with one method, or take it from a folder of finished images."""
    from clrface.finished import block_folder
    from clrface.restoration.chunk import Chunk, copy_finished

    one_of(method=method, external=external, finished=finished)
    chunk = Chunk(dataset, image_ids(aligned), aligned, degraded, out)
    if external:
        _restore_external(external, chunk, device, base_seed, seed)
    elif finished:
        copy_finished(
            block_folder(finished, dataset, degraded.parent.name),
            chunk,
            [image_id for part in test_set or [aligned] for image_id in image_ids(part, only_ok=True)],
        )
    else:
        assert method
        _restore_here(method, chunk, device, base_seed, seed, **settings)


def _restore_here(
    name: str, chunk: "Chunk", device: str, base_seed: int, seed: int, params: Mapping[str, Any], weights: str, raw: Path, batch: int
) -> None:
    from clrface.registry import make_method, method_card
    from clrface.restoration.chunk import restore_chunk
    from clrface.weights import weights_folder

    set_threads()
    card = method_card(name)
    method = make_method(card.name, dict(params))
    folder = weights_folder(weights, card.family) if card.trained_here else None
    try:
        method.load(folder, pick_device(device), raw)
        restore_chunk(method, chunk, batch, base_seed, seed, sees_truth=card.sees_truth, control=card.control)
    except UserError as error:
        raise UserError(f"{card.name}: {error}") from error


def _restore_external(path: Path, chunk: "Chunk", device: str, base_seed: int, seed: int) -> None:
    from clrface.external import has_cuda, read_external
    from clrface.restoration.external import not_run, run_external
    from clrface.seeds import derive_seed

    card = read_external(path)
    if unable := card.why_not(has_cuda(device)):
        not_run(chunk, unable)
    else:
        first = next(iter(chunk.ids), "")
        derived = derive_seed(base_seed, f"restore {seed}", chunk.dataset, first) % 2**32  # what most programs take
        run_external(card, EXTERNAL / card.name, chunk, derived)


@click.command(cls=Command)
@click.option("--metric", required=True)
@paths_option("--restored", "Folders of chunks.", required=True)
@paths_option("--aligned", "The test set's folders of chunks: which images there are.", required=True)
@paths_option("--reference", "What the metric compares with: truth (--aligned when left out), inputs, others.")
@paths_option("--gallery", "For recognition: folders of clean photographs, aligned.")
@path_option("--manifest", "With --gallery: who is in which photograph.")
@path_option("--pairs", "With --gallery: LFW's pairs.txt, the pairs to verify; all when left out.")
@RAW_OPTION
@click.option("--dataset", required=True)
@click.option("--base-seed", type=int, required=True)
@click.option("--bootstrap", type=int, required=True)
@CACHE
@OUT
def measure(
    metric: str,
    restored: tuple[Path, ...],
    aligned: tuple[Path, ...],
    reference: tuple[Path, ...],
    gallery: tuple[Path, ...],
    manifest: Path | None,
    pairs: Path | None,
    raw: Path,
    dataset: str,
    base_seed: int,
    bootstrap: int,
    cache: Path | None,
    out: Path,
) -> None:
    """Measure one metric over a method's restored faces."""
    from clrface.stats.bootstrap import Resampling

    one_of(required=False, reference=reference, gallery=gallery)
    ids = [image_id for folder in aligned for image_id in image_ids(folder)]
    rest = (ids, raw, out, Resampling(base_seed, dataset, bootstrap))
    if gallery:
        from clrface.evaluation.recognise import recognise

        if manifest is None:
            raise click.UsageError("With --gallery, expected --manifest.")
        recognise(metric, restored, read_gallery(gallery, manifest, pairs), *rest, cache=cache)
    else:
        from clrface.evaluation.measure import measure as measure_images

        measure_images(metric, restored, reference or aligned, *rest, cache=cache)


def read_gallery(folders: tuple[Path, ...], manifest: Path, pairs: Path | None) -> "Gallery":
    """The clean photographs that faces are recognised among. pairs: those to verify; all for None."""
    from clrface.evaluation.recognise import Gallery
    from clrface.manifest import read_manifest
    from clrface.pairs import read_pairs

    people = {entry.image_id: entry.identity for entry in read_manifest(manifest)}
    return Gallery(list(folders), people, read_pairs(pairs) if pairs else None)
