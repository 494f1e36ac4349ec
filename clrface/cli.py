"""The command line: one sub-command a step, as the workflow's rules call them. `python -m clrface STEP --help`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clrface.errors import UserError

if TYPE_CHECKING:
    from clrface.metrics.recognise import Gallery
    from clrface.study.sweep import Faces

SOURCES = Path("config/sources.yaml")
RECIPES = Path("config/degradations.yaml")
CLAIMS = Path("config/claims.yaml")
PROTOCOLS = Path("config/protocols.yaml")
PROFILE = Path("config/embedded.yaml")
REFERENCE = Path("results/reference/embedded")
RAW = Path("data/raw")
EXTERNAL = Path("data/external")
MANIFESTS = Path("data/manifests")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step.

    Returns 0, 1 where `reproduce` found differences or `evaluate` a metric without a value, 2 after an error that the user can put right
    (told in one message), 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except UserError as error:
        print(f"clrface {options.step}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"clrface {options.step}: stopped; nothing half-written was kept. Run the same command again.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clrface", description="Blind face restoration, benchmarked. The steps that the workflow runs.")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    _add_fetch(steps)
    _add_mirror(steps)
    _add_align(steps)
    _add_degrade(steps)
    _add_train(steps)
    _add_weights(steps)
    _add_import_vq(steps)
    _add_restore(steps)
    _add_install_external(steps)
    _add_measure(steps)
    _add_evaluate(steps)
    _add_tabulate(steps)
    _add_metrics(steps)
    _add_samples(steps)
    _add_failures(steps)
    _add_chart(steps)
    _add_report(steps)
    _add_roc(steps)
    _add_show(steps)
    _add_compare(steps)
    _add_claims(steps)
    _add_sweep(steps)
    _add_sweep_figure(steps)
    _add_mask_maps(steps)
    _add_overview(steps)
    _add_codebook(steps)
    _add_cost(steps)
    _add_losses(steps)
    _add_reproduce(steps)
    _add_reference(steps)
    return parser


def _step(
    steps: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, run: Callable[[argparse.Namespace], int | None]
) -> argparse.ArgumentParser:
    parser = steps.add_parser(name, help=text.replace("%", "%%"), description=text)  # argparse fills a help in
    parser.set_defaults(run=run)
    return parser


# ---- fetch


def _add_fetch(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "fetch", "Download, verify and extract sources; does nothing for those that are there.", _fetch)
    step.add_argument("names", nargs="+", help="entries of config/sources.yaml")
    step.add_argument("--sources", type=Path, default=SOURCES)
    step.add_argument("--raw", type=Path, default=RAW, help="where the sources' folders are")
    step.add_argument("--downloads", type=Path, default=Path("data/downloads"), help="where archives are kept")
    step.add_argument("--mirrors", nargs="*", type=Path, default=[], help="folders looked into by checksum before the network")


def _fetch(options: argparse.Namespace) -> None:
    from clrface.fetch.install import fetch
    from clrface.fetch.sources import load_sources

    sources = load_sources(options.sources)
    for name in options.names:
        fetch(name, sources, options.raw, options.downloads, options.mirrors)


def _add_mirror(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "mirror", "Fetch the archives that a config needs, and pack them into one folder for `mirrors:`.", _mirror)
    step.add_argument("names", nargs="*", help="entries of config/sources.yaml; all that the config needs when left out")
    step.add_argument("--to", type=Path, required=True, help="the folder; what is there already stays")
    step.add_argument("--config", nargs="+", type=Path, default=[PROFILE], help="the run's --configfile")
    step.add_argument("--mirrors", nargs="*", type=Path, default=[], help="folders looked into by checksum before the network")


def _mirror(options: argparse.Namespace) -> None:
    from clrface.fetch.mirror import pack
    from clrface.project import config_of, needed_sources, read_project

    project = read_project()
    config = config_of(options.config, project)
    names = options.names or needed_sources(config, project)
    if "timeout_s" in config:
        os.environ["CLRFACE_TIMEOUT_S"] = str(config["timeout_s"])
    pack(names, project.sources, options.to, RAW, Path("data/downloads"), [*options.mirrors, *map(Path, config["mirrors"])])


# ---- align


def _add_align(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "align", "Align one chunk of a dataset's faces to the template.", _align)
    step.add_argument("--dataset", required=True)
    group = step.add_mutually_exclusive_group(required=True)
    group.add_argument("--manifest", type=Path, help="a manifest; its files lie in --raw")
    group.add_argument("--folder", type=Path, help="a folder of pictures")
    step.add_argument("--raw", type=Path, help="the folder of the manifest's files")
    step.add_argument("--identities", type=int)
    step.add_argument("--images-per-identity", type=int)
    step.add_argument("--last", action="store_true", help="each person's last images, not the first")
    step.add_argument("--images", type=int, help="so many of them, evenly spaced")
    step.add_argument("--offset", type=int, default=0, help="start so many pictures later")
    step.add_argument("--splits", nargs="*", default=["test"])
    step.add_argument("--chunk", type=int, required=True)
    step.add_argument("--chunk-size", type=int, required=True)
    step.add_argument("--size", type=int, required=True, help="pixels a side")
    step.add_argument("--dlib", type=Path, default=RAW / "dlib")
    step.add_argument(
        "--fallback",
        choices=["none", "centre", "lfw"],
        default="none",
        help="every picture is known to be one centred face, as ORL's or LFW's",
    )
    step.add_argument("--template", choices=["utkface", "ffhq"], default="utkface", help="where eyes and mouth are brought to")
    step.add_argument("--aligned", action="store_true", help="the pictures are aligned already: only bring them to size")
    step.add_argument("--out", type=Path, required=True)


def _align(options: argparse.Namespace) -> None:
    from clrface.align.chunk import align_chunk, refuse_faceless, resize_chunk
    from clrface.manifest import chunk_name, chunks, from_folder, read_manifest, select

    if options.folder:
        entries, raw = from_folder(options.folder), options.folder
    else:
        listed = read_manifest(options.manifest)
        wanted = (options.identities, options.images_per_identity)
        picked = [select(listed, *wanted, split, options.images, options.offset, options.last) for split in options.splits]
        entries, raw = [entry for part in picked for entry in part], options.raw
    by_id = {entry.image_id: entry for entry in entries}
    parts = chunks(list(by_id), options.chunk_size)
    mine = [by_id[image_id] for image_id in parts[options.chunk]]
    if options.aligned:
        resize_chunk(mine, raw, options.out, options.size)
    else:
        align_chunk(mine, raw, options.out, options.size, options.dlib, options.fallback, options.template)
        folders = [options.out.parent / chunk_name(part) for part in range(len(parts))] if len(parts) > 1 else [options.out]
        refuse_faceless(options.dataset, folders)


# ---- degrade


def _add_degrade(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "degrade", "Degrade one chunk of aligned faces by a named recipe.", _degrade)
    step.add_argument("--dataset", required=True)
    step.add_argument("--recipe", required=True)
    step.add_argument("--recipes", type=Path, default=RECIPES)
    step.add_argument("--aligned", type=Path, required=True)
    step.add_argument("--base-seed", type=int, required=True)
    step.add_argument("--raw", type=Path, default=RAW, help="where the sources' folders are: a recipe may take finished pictures from one")
    step.add_argument("--out", type=Path, required=True)


def _degrade(options: argparse.Namespace) -> None:
    from clrface.degrade.chunk import degrade_chunk
    from clrface.degrade.recipes import get_recipe, load_recipes

    recipe = get_recipe(load_recipes(options.recipes), options.recipe)
    ids = _ids(options.aligned, only_ok=True)
    degrade_chunk(ids, options.aligned, options.out, recipe, options.dataset, options.base_seed, options.raw)


# ---- train


def _add_train(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(
        steps,
        "train",
        "Train one stage's network; goes on from its last checkpoint. "
        "Several devices: python -m torch.distributed.run --nproc-per-node N -m clrface train ...",
        _train,
    )
    step.add_argument("--spec", type=json.loads, required=True, help="the stage as JSON, as in the config's training.stages, with its name")
    step.add_argument("--faces", type=Path, required=True, help="the folder of chunks of aligned training faces")
    step.add_argument("--manifest", type=Path, required=True)
    step.add_argument("--recipe", required=True)
    step.add_argument("--recipes", type=Path, default=RECIPES)
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--models", type=Path, required=True, help="the folder of the stages trained before this one")
    step.add_argument("--out", type=Path, required=True)
    step.add_argument("--seed", type=int, default=0)
    step.add_argument("--workers", type=int, default=1)
    step.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    step.add_argument("--compile", action="store_true", help="run the networks through torch.compile")
    step.add_argument("--device", default="auto")
    step.add_argument("--limit", type=int, help="stop after so many steps, for a trial")


def _train(options: argparse.Namespace) -> None:
    from clrface.degrade.recipes import get_recipe, load_recipes
    from clrface.training.run import train_stage
    from clrface.training.stage import StageSpec

    spec = StageSpec(**options.spec)
    if options.limit:
        spec = replace(spec, steps=min(options.limit, spec.steps))
    train_stage(
        spec,
        faces=options.faces,
        manifest=options.manifest,
        sources=options.raw,
        models=options.models,
        out=options.out,
        recipe=get_recipe(load_recipes(options.recipes), options.recipe),
        seed=options.seed,
        workers=options.workers,
        precision=options.precision,
        device=options.device,
        compiled=options.compile,
    )


def _add_weights(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "weights", "Write the checksums of methods' weights, as JSON.", _weights)
    step.add_argument("methods", nargs="*", help="methods that are trained here")
    step.add_argument("--weights", default="shipped", help="shipped, fit, a folder, or a Hugging Face id")
    step.add_argument("--out", type=Path, required=True)


def _weights(options: argparse.Namespace) -> None:
    from clrface.files import write_text
    from clrface.tables.formats import to_json
    from clrface.weights import digest, weights_folder

    write_text(options.out, to_json({name: digest(weights_folder(options.weights, name)) for name in options.methods}))


def _add_import_vq(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(
        steps,
        "import-vq",
        "Turn a VQ checkpoint of latent diffusion's layout (CompVis, ResShift) into a folder that stage autoencoder starts from.",
        _import_vq,
    )
    step.add_argument("--checkpoint", type=Path, required=True, help="e.g. celeba256_vq_f4_dim3_face.pth")
    step.add_argument("--out", type=Path, required=True, help="a folder that isn't there yet")


def _import_vq(options: argparse.Namespace) -> None:
    from clrface.models.latent_diffusion import import_vq

    shape = import_vq(options.checkpoint, options.out)
    print(f"{options.out}: {json.dumps(shape)}")
    print(f"To start from it: training.stages.autoencoder.options.start_from: {options.out}, with this network; steps: 0 takes it whole.")


# ---- restore


def _add_restore(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(
        steps, "restore", "Restore one chunk of degraded faces with one method, or take it from a folder of finished images.", _restore
    )
    group = step.add_mutually_exclusive_group(required=True)
    group.add_argument("--method", help="a file of baselines/")
    group.add_argument("--external", type=Path, help="the card of an external method, installed by install-external")
    group.add_argument("--finished", type=Path, help="a folder of finished images, <image_id>.png")
    step.add_argument("--params", type=json.loads, default={}, help="the method's parameters as JSON")
    step.add_argument("--weights", default="shipped", help="shipped, fit, a folder, or a Hugging Face id")
    step.add_argument("--dataset", required=True)
    step.add_argument("--aligned", type=Path, required=True)
    step.add_argument("--test-set", nargs="+", type=Path, default=[], help="with --finished: all aligned chunks of the test set")
    step.add_argument("--degraded", type=Path, required=True)
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--device", default="auto")
    step.add_argument("--batch", type=int, default=16)
    step.add_argument("--base-seed", type=int, default=0)
    step.add_argument("--seed", type=int, default=0)
    step.add_argument("--out", type=Path, required=True)


def _restore(options: argparse.Namespace) -> None:
    from clrface.restore.chunk import Chunk, copy_finished, restore_chunk

    chunk = Chunk(options.dataset, _ids(options.aligned), options.aligned, options.degraded, options.out)
    if options.external:
        _restore_external(options, chunk)
        return
    if options.finished:
        test_set = options.test_set or [options.aligned]
        copy_finished(options.finished, chunk, [image_id for part in test_set for image_id in _ids(part, only_ok=True)])
        return
    from clrface.registry import make_method, method_card
    from clrface.weights import weights_folder

    _set_threads()
    card = method_card(options.method)
    method = make_method(card.name, options.params)
    weights = weights_folder(options.weights, card.family) if card.trained_here else None
    try:
        method.load(weights, _device(options.device), options.raw)
        restore_chunk(method, chunk, options.batch, options.base_seed, options.seed, sees_truth=card.sees_truth, control=card.control)
    except UserError as error:
        raise UserError(f"{card.name}: {error}") from error


def _restore_external(options: argparse.Namespace, chunk: Any) -> None:
    from clrface.external import has_cuda, read_external
    from clrface.restore.external import not_run, run_external
    from clrface.seeds import derive_seed

    card = read_external(options.external)
    unable = card.why_not(has_cuda(options.device))
    if unable:
        not_run(chunk, unable)
    else:
        first = next(iter(chunk.ids), "")
        seed = derive_seed(options.base_seed, f"restore {options.seed}", chunk.dataset, first) % 2**32  # what most programs take
        run_external(card, EXTERNAL / card.name, chunk, seed)


def _add_install_external(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "install-external", "Get an external method's repository, weights and environment.", _install_external)
    step.add_argument("card", type=Path, help="e.g. baselines/external/vqfr.yaml")
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--to", type=Path, default=EXTERNAL)


def _install_external(options: argparse.Namespace) -> None:
    from clrface.external import read_external
    from clrface.restore.external import install

    card = read_external(options.card)
    install(card, options.to / card.name, options.raw)


def _device(name: str) -> str:
    from clrface.device import pick_device

    return pick_device(name)


# ---- measure


def _add_measure(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "measure", "Measure one metric over a method's restored faces.", _measure)
    step.add_argument("--metric", required=True)
    step.add_argument("--restored", nargs="+", type=Path, required=True, help="folders of chunks")
    step.add_argument("--aligned", nargs="+", type=Path, required=True, help="the test set's folders of chunks: which images there are")
    group = step.add_mutually_exclusive_group()
    group.add_argument(
        "--reference", nargs="+", type=Path, help="what the metric compares with: truth (--aligned when left out), inputs, others"
    )
    group.add_argument("--gallery", nargs="+", type=Path, help="for recognition: folders of clean photographs, aligned")
    step.add_argument("--manifest", type=Path, help="with --gallery: who is in which photograph")
    step.add_argument("--pairs", type=Path, help="with --gallery: LFW's pairs.txt, the pairs to verify; all when left out")
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--dataset", required=True)
    step.add_argument("--base-seed", type=int, required=True)
    step.add_argument("--bootstrap", type=int, required=True)
    step.add_argument("--cache", type=Path, help="a folder that keeps networks' features for other metrics and rows")
    step.add_argument("--out", type=Path, required=True)


def _measure(options: argparse.Namespace) -> None:
    ids = [image_id for folder in options.aligned for image_id in _ids(folder)]
    rest = (ids, options.raw, options.out, options.base_seed, options.dataset, options.bootstrap)
    if options.gallery:
        from clrface.metrics.recognise import recognise

        gallery = _gallery(options.gallery, options.manifest, options.pairs)
        recognise(options.metric, options.restored, gallery, *rest, cache=options.cache)
    else:
        from clrface.metrics.measure import measure

        measure(options.metric, options.restored, options.reference or options.aligned, *rest, cache=options.cache)


def _gallery(folders: list[Path], manifest: Path, pairs: Path | None) -> "Gallery":
    from clrface.manifest import read_manifest
    from clrface.metrics.recognise import Gallery
    from clrface.pairs import read_pairs

    people = {entry.image_id: entry.identity for entry in read_manifest(manifest)}
    return Gallery(folders, people, read_pairs(pairs) if pairs else None)


def _add_evaluate(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(
        steps,
        "evaluate",
        "Measure any folder of images by a protocol, without a workflow. Pairs by file stem. Returns 1 if a metric has no value.",
        _evaluate,
    )
    step.add_argument("--pred", type=Path, required=True, help="the restored images")
    step.add_argument("--gt", type=Path, help="the ground truth: as many images, of the same names and sizes")
    step.add_argument("--lq", type=Path, help="the degraded inputs, for metrics that compare with them")
    step.add_argument("--clean", type=Path, help="clean faces of other people, for distances to them")
    step.add_argument("--protocol", required=True, help="an entry of config/protocols.yaml, e.g. vqfr, pmrf")
    step.add_argument("--metrics", type=lambda text: text.split(","), help="some of the protocol's metrics: psnr,ssim")
    step.add_argument("--out", type=Path, help="write the table as csv, too")
    step.add_argument("--bootstrap", type=int, default=1000, help="resamples of the intervals")
    step.add_argument("--batch", type=int, default=16)
    step.add_argument("--device", help="where networks run: auto, cpu or cuda (default: CLRFACE_DEVICE, or auto)")
    step.add_argument("--protocols", type=Path, default=PROTOCOLS)
    step.add_argument("--raw", type=Path, default=RAW, help="where fetched sources are")
    step.add_argument("--cache", type=Path, help="a folder that keeps networks' features for other metrics and runs")


def _evaluate(options: argparse.Namespace) -> int:
    from clrface.device import VARIABLE, pick_device
    from clrface.files import check_target, write_text
    from clrface.metrics.protocols import load_protocol
    from clrface.tables.evaluate import Folders, evaluate, render, to_csv
    from clrface.tables.terminal import printable

    if options.out:
        check_target(options.out)
    if options.device:
        pick_device(options.device)
        os.environ[VARIABLE] = options.device
    protocol = load_protocol(options.protocols, options.protocol)
    folders = Folders(options.pred, options.gt, options.lq, options.clean)
    metrics = protocol.pick(options.metrics)
    done = evaluate(protocol, metrics, folders, options.raw, options.bootstrap, batch=options.batch, cache=options.cache)
    sys.stdout.write(printable(render(done), sys.stdout))
    if options.out:
        write_text(options.out, to_csv(done))
    return int(not done.complete)


# ---- tabulate


def _add_tabulate(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "tabulate", "Make a table from score files: csv, json, md, tex.", _tabulate)
    step.add_argument("--spec", type=json.loads, required=True, help="the table as JSON: rows, metrics, protocol and where it comes from")
    step.add_argument("--scores", type=Path, default=Path("results/scores"))
    step.add_argument("--degraded", type=Path, default=Path("data/degraded"))
    step.add_argument("--out", type=Path, required=True)


def _tabulate(options: argparse.Namespace) -> None:
    from clrface.metrics.registry import metric_cards
    from clrface.published import Published
    from clrface.registry import method_card
    from clrface.tables.table import RowSpec, TableSpec
    from clrface.tables.tabulate import tabulate

    spec = dict(options.spec)
    weights = {name: Path(folder) for name, folder in spec.pop("weights").items()}
    chunks = spec.pop("chunks", None)
    cards = {row: replace(method_card(method), label=label) for row, (method, label) in spec.pop("cards").items()}
    rows = [RowSpec(**{**row, "seeds": tuple(row["seeds"])}) for row in spec.pop("rows")]
    spec["published"] = [Published(**cell) for cell in spec.pop("published", ())]
    spec["device"] = _device(spec["device"])
    table = TableSpec(rows=rows, metric_cards=metric_cards(), method_cards=cards, **spec)
    tabulate(table, scores=options.scores, degraded=options.degraded, weights=weights, target=options.out, chunks=chunks)


def _add_metrics(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "metrics", "Write a table's values alone, as the nested JSON that `dvc metrics` reads.", _metrics)
    step.add_argument("table", type=Path, help="results/table1.json ...")
    step.add_argument("--out", type=Path, required=True)


def _metrics(options: argparse.Namespace) -> None:
    from clrface.files import write_text
    from clrface.tables.formats import to_json
    from clrface.tables.table import read_table, table_from_json, table_values

    write_text(options.out, to_json(table_values(table_from_json(read_table(options.table)))))


def _add_samples(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "samples", "Draw a sheet of restored faces: input, methods, ground truth.", _samples)
    step.add_argument(
        "--panels", type=json.loads, required=True, help='JSON: [{"title", "aligned", "chunks": [...], "columns": {label: folder}}]'
    )
    step.add_argument("--rows", type=int, default=6)
    step.add_argument("--out", type=Path, required=True)


def _samples(options: argparse.Namespace) -> None:
    from clrface.manifest import natural
    from clrface.report.samples import SampleSet, sample_sheet, spread

    panels = []
    for panel in options.panels:
        columns = {label: Path(folder) for label, folder in panel["columns"].items()}
        aligned = Path(panel["aligned"])
        ids = sorted((image_id for chunk in panel["chunks"] for image_id in _ids(aligned / chunk, only_ok=True)), key=natural)
        panels.append(SampleSet(panel["title"], spread(ids, options.rows), columns, panel["chunks"]))
    sample_sheet(panels, options.out)


def _add_failures(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "failures", "Draw a sheet of the worst faces by identity: input, methods, ground truth.", _failures)
    step.add_argument("table", type=Path, help="results/table1.json ...")
    _add_sets(step)
    step.add_argument("--out", type=Path, required=True)


def _add_sets(step: argparse.ArgumentParser) -> None:
    sets = 'JSON: {"chunks": {dataset: [...]}, "same_as": {"@input": row}, "without_truth": [dataset]}'
    step.add_argument("--spec", type=json.loads, required=True, help=sets)
    step.add_argument("--results", type=Path, default=Path("results"))
    step.add_argument("--data", type=Path, default=Path("data"))


def _failures(options: argparse.Namespace) -> None:
    from clrface.report.faces import SetSpec
    from clrface.report.failures import failure_sheet
    from clrface.report.records import Places

    failure_sheet(_table(options.table), Places(options.results, options.data), SetSpec(**options.spec), options.out)


def _table(path: Path) -> Any:
    """A finished table. Raises: UserError for a file that is none."""
    from clrface.tables.table import read_table, table_from_json

    return table_from_json(read_table(path))


def _add_chart(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "chart", "Draw a table's methods as lines across its metrics.", _chart)
    step.add_argument("table", type=Path, help="results/table1.json ...")
    step.add_argument("--out", type=Path, required=True)


def _chart(options: argparse.Namespace) -> None:
    from clrface.report.chart import table_chart

    table_chart(_table(options.table), options.out)


def _add_report(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "report", "Write one self-contained HTML page: tables, intervals, faces, claims, provenance.", _report)
    step.add_argument("--tables", nargs="+", type=Path, required=True, help="results/table1.json ...")
    _add_sets(step)
    step.add_argument("--claims", type=Path, help="results/claims.json")
    step.add_argument("--costs", type=Path, help="results/table6.json")
    step.add_argument("--figures", nargs="*", type=Path, default=[], help="PNG files to embed")
    step.add_argument("--out", type=Path, required=True)


def _report(options: argparse.Namespace) -> None:
    from clrface.report.faces import SetSpec
    from clrface.report.page import PageSpec, write_page
    from clrface.report.records import Places

    places = Places(options.results, options.data)
    extras = {"claims": options.claims, "costs": options.costs, "figures": options.figures}
    write_page(PageSpec(options.tables, SetSpec(**options.spec), **extras, places=places), options.out)


def _add_roc(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "roc", "Draw the operating curves of a table of recognition.", _roc)
    step.add_argument("--panels", type=json.loads, required=True, help="JSON: a panel a dataset and degradation, as the workflow gives it")
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--cache", type=Path)
    step.add_argument("--out", type=Path, required=True)


def _roc(options: argparse.Namespace) -> None:
    from clrface.metrics.recognise import compare_faces, recognition_metric
    from clrface.metrics.recognition import operating_curve
    from clrface.report.roc import Line, Panel, roc_figure

    panels = []
    for panel in options.panels:
        ids = [image_id for folder in panel["aligned"] for image_id in _ids(Path(folder))]
        pairs = Path(panel["pairs"]) if "pairs" in panel else None
        gallery = _gallery([Path(folder) for folder in panel["gallery"]], Path(panel["manifest"]), pairs)
        embed, lines = recognition_metric(panel["metric"]).embedder(options.raw, options.cache), []
        for row in panel["rows"]:
            comparison, _ = compare_faces([Path(folder) for folder in row["folders"]], gallery, ids, embed)
            lines.append(Line(row["label"], row["control"], operating_curve(comparison.pairs())))
        panels.append(Panel(panel["title"], lines))
    roc_figure(panels, options.out)


def _add_show(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "show", "Print tables that are there, and where their files are.", _show)
    step.add_argument("tables", nargs="+", type=Path, help="results/table1.json ...")


def _show(options: argparse.Namespace) -> None:
    from clrface.tables.terminal import show

    for table in options.tables:
        files = [table.with_suffix(suffix) for suffix in (".csv", ".json", ".md", ".tex")]
        files += [table.parent / "figures" / f"{table.stem}_{name}.png" for name in ("samples", "failures", "chart", "roc")]
        show(table, [path for path in files if path.is_file()])


def _add_compare(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "compare", "Compare two rows of a finished table: paired differences with their 95 % intervals.", _compare)
    step.add_argument("table", type=Path, help="results/table1.json ...")
    step.add_argument("first", help="a row's name")
    step.add_argument("second", help="the row that it is compared with")
    step.add_argument("--over", help="a third row: print the share of second's change from it that first has")
    step.add_argument("--scores", type=Path, default=Path("results/scores"))


def _compare(options: argparse.Namespace) -> None:
    from clrface.tables.compare import show_differences

    show_differences(options.table, options.first, options.second, options.scores, options.over, MANIFESTS)


def _add_claims(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "claims", "Test the paper's claims on finished tables: csv, json, md, tex.", _claims)
    step.add_argument("tables", nargs="*", type=Path, help="results/table1.json ...; all that the claims name in results when left out")
    step.add_argument("--claims", type=Path, default=CLAIMS)
    step.add_argument("--scores", type=Path, default=Path("results/scores"))
    step.add_argument("--out", type=Path, help="a csv, beside which json, md and tex are written; printed alone when left out")


def _claims(options: argparse.Namespace) -> None:
    from clrface.claims import load_claims
    from clrface.metrics.registry import metric_cards
    from clrface.tables.verdicts import judge, listed, summary, write_claims

    tables = {path.stem: path for path in options.tables or sorted(Path("results").glob("table*.json"))}
    if not tables:
        raise UserError("Found no table in results, expected those that the claims name. Make them first: snakemake --cores all claims.")
    claims = load_claims(options.claims, metric_cards(), tables)
    findings = judge(claims, tables, options.scores, MANIFESTS)
    if options.out:
        write_claims(claims, findings, tables, options.out)
        print(f"{options.out}: {summary(findings)}.")
    else:
        print(listed(findings))


# ---- studies of CLR-Face


def _add_faces(step: argparse.ArgumentParser) -> None:
    step.add_argument("--dataset", required=True)
    step.add_argument("--aligned", nargs="+", type=Path, required=True, help="the ground truth's folders of chunks")
    step.add_argument("--degraded", nargs="+", type=Path, required=True, help="the inputs' folders of chunks")
    step.add_argument("--images", type=int, help="so many of the faces, evenly spaced; all when left out")
    step.add_argument("--weights", default="shipped", help="shipped, fit, a folder, or a Hugging Face id")
    step.add_argument("--raw", type=Path, default=RAW)
    step.add_argument("--device", default="auto")
    step.add_argument("--out", type=Path, required=True)


def _faces(options: argparse.Namespace) -> "Faces":
    from clrface.report.samples import spread
    from clrface.study.sweep import Faces

    ids = [image_id for folder in options.aligned for image_id in _ids(folder, only_ok=True)]
    ids = spread(ids, options.images or len(ids))
    return Faces.read(options.dataset, ids, options.aligned, options.degraded)


def _add_sweep(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "sweep", "CLR-Face over a grid of settings: quality and cost of each; goes on from the last point.", _sweep)
    _add_faces(step)
    step.add_argument("--spec", type=json.loads, required=True, help="JSON: grid, base, metrics, seeds, base_seed, n_boot, code")
    step.add_argument("--cache", type=Path, help="where networks' features are kept; left out: nowhere")


def _sweep(options: argparse.Namespace) -> None:
    from clrface.study.sweep import Sweep, run_sweep
    from clrface.weights import weights_folder

    _set_threads()
    weights = weights_folder(options.weights, "clrface")
    run_sweep(Sweep(**options.spec), _faces(options), weights, options.raw, _device(options.device), options.out, options.cache)


def _add_sweep_figure(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "sweep-figure", "Draw a sweep: a panel a metric, a line for each combination of settings.", _sweep_figure)
    step.add_argument("table", type=Path, help="the sweep's csv")
    step.add_argument("--along", required=True, help="the column on the horizontal axis")
    step.add_argument("--grid", nargs="+", required=True, help="the settings' columns")
    step.add_argument("--metrics", nargs="+", required=True)
    step.add_argument("--out", type=Path, required=True)


def _sweep_figure(options: argparse.Namespace) -> None:
    from clrface.metrics.registry import metric_card
    from clrface.report.curves import sweep_figure

    sweep_figure(options.table, options.along, options.grid, [metric_card(name) for name in options.metrics], options.out)


def _add_mask_maps(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(
        steps, "mask-maps", "Draw where the learned mask lets guidance act, and measure its mean in the parts of a face.", _mask_maps
    )
    _add_faces(step)
    step.add_argument("--figure", type=Path, required=True)


def _mask_maps(options: argparse.Namespace) -> None:
    from clrface.study.mask_maps import write_mask_maps
    from clrface.weights import weights_folder

    _set_threads()
    weights = weights_folder(options.weights, "clrface")
    write_mask_maps(_faces(options), weights, options.raw, _device(options.device), options.out, options.figure)


def _add_overview(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "overview", "Draw the method: one face on its way through CLR-Face.", _overview)
    _add_faces(step)
    step.add_argument("--settings", type=json.loads, required=True, help="the config's `clrface` block as JSON")
    step.add_argument("--base-seed", type=int, required=True)


def _overview(options: argparse.Namespace) -> None:
    from clrface.restore.pipeline import Settings
    from clrface.study.overview import write_overview
    from clrface.weights import weights_folder

    _set_threads()
    weights = weights_folder(options.weights, "clrface")
    faces, settings = _faces(options), Settings(**options.settings)
    write_overview(faces, settings, weights, options.raw, _device(options.device), options.base_seed, options.out)


def _add_cost(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "cost", "Measure what methods cost: parameters, MACs, network evaluations, seconds, memory.", _cost)
    step.add_argument("--spec", type=json.loads, required=True, help="the rows as JSON, and how many rounds")
    _add_faces(step)


def _cost(options: argparse.Namespace) -> None:
    from clrface.study.cost import Contender, Place, measure_costs
    from clrface.tables.costs import write_cost_table

    faces, device = _faces(options), _device(options.device)
    contenders = [Contender(**row) for row in options.spec["rows"]]
    place = Place(options.weights, options.raw, device, faces.degraded)
    costs = measure_costs(contenders, place, options.spec["rounds"])
    images = f"{len(faces.ids)} of {faces.dataset}, {faces.degraded.shape[-1]}x{faces.degraded.shape[-2]}"
    write_cost_table(costs, {"images": images, "rounds": options.spec["rounds"], "device": device, "threads": _threads()}, options.out)


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def _add_codebook(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "codebook", "Count how many of the autoencoder's codes real faces use.", _codebook)
    _add_faces(step)


def _codebook(options: argparse.Namespace) -> None:
    from clrface.study.codebook import write_codebook_use
    from clrface.weights import weights_folder

    _set_threads()
    write_codebook_use(_faces(options), weights_folder(options.weights, "clrface"), _device(options.device), options.out)


def _add_losses(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "losses", "Draw the training's losses, a panel a stage.", _losses)
    step.add_argument("logs", nargs="+", type=Path, help="<stage>.work/losses.jsonl")
    step.add_argument("--out", type=Path, required=True)


def _losses(options: argparse.Namespace) -> None:
    from clrface.report.curves import loss_figure

    loss_figure({log.parent.name.removesuffix(".work"): log for log in options.logs}, options.out)


# ---- reference results


def _add_reproduce(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "reproduce", "Compare a run's tables with the reference's, value by value; 1 if any differs.", _reproduce)
    step.add_argument("results", type=Path, nargs="?", default=Path("results"))
    step.add_argument("reference", type=Path, nargs="?", default=REFERENCE)


def _reproduce(options: argparse.Namespace) -> int:
    from clrface.tables.reproduce import print_report, reproduce

    report = reproduce(options.results, options.reference)
    print_report(report)
    return int(bool(report.differences))


def _add_reference(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    step = _step(steps, "reference", "Keep a run's tables as the reference, with the machine that they were made on.", _reference)
    step.add_argument("tables", nargs="*", help="names; all of the embedded profile, the costs and the claims when left out")
    step.add_argument("--results", type=Path, default=Path("results"))
    step.add_argument("--out", type=Path, default=REFERENCE)


def _reference(options: argparse.Namespace) -> None:
    from clrface.claims import COST_TABLE
    from clrface.config import load_config
    from clrface.tables.reproduce import write_reference

    names = options.tables or [*load_config([PROFILE])["tables"], COST_TABLE, CLAIMS.stem]
    write_reference(options.results, options.out, names)
    print(f"{options.out}: {', '.join(names)}.")


def _set_threads() -> None:
    """Torch takes as many threads as the job was given."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


def _ids(chunk: Path, only_ok: bool = False) -> list[str]:
    """The image ids of an aligned chunk, in order."""
    import csv

    from clrface.api import OK

    with (chunk / "index.csv").open(encoding="utf-8", newline="") as lines:
        return [row["image_id"] for row in csv.DictReader(lines) if not only_ok or row["status"] == OK]
