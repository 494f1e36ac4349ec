"""Contests of metrics: one by one, the whole protocol `pyiqa`, and the Frechet inception distance."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side.inputs import Scene, metric_weights
from benchmarks.side.rows import Contest, Tolerance
from benchmarks.side.task import Task
from clrface import evaluate
from clrface.catalogue import PROTOCOLS
from clrface.images import read_rgb, to_unit
from clrface.metrics.networks import inception
from clrface.metrics.protocols import load_protocol
from clrface.metrics.registry import load_metric

NAMES = {
    "psnr_eps": "psnr",
    "ssim_cut": "ssimc",
    "lpips_vgg": "lpips-vgg",
    "lpips_alex": "lpips",
    "stlpips_alex": "stlpips",
    "niqe_yiq": "niqe",
}
"""pyiqa's names of ours, for single images."""
AIMS = {"psnr_eps": 5.0, "ssim_cut": 5.0}
PROTOCOL = {name: (NAMES | {"fid_clean_gt": "fid"})[name] for name in load_protocol(PROTOCOLS, "pyiqa").metrics}
"""The metrics of our protocol `pyiqa`, by pyiqa's names."""
CLOSE = Tolerance(absolute=5e-5, relative=1e-4)
OF_SETS = Tolerance(absolute=1e-3, relative=1e-3)
"""Their square root of a singular (2048, 2048) matrix is rounded; ours is exact for any number of images."""
NEEDS_TRUNK = {"lpips_vgg": "vgg", "lpips_alex": "alex"}
BATCH = 16
"""Images at once, as `clrface.evaluate` takes them."""


def metrics(scene: Scene) -> Iterator[Contest]:
    """Each metric of pairs in memory, one at a time, and FID of two folders."""
    weights, images = metric_weights(scene), scene.images()
    pred, truth = (sorted(folder.iterdir()) for folder in (images.restored, images.truth))
    for name, theirs in NAMES.items():
        trunk = NEEDS_TRUNK.get(name)
        yield Contest(
            "metrics",
            name,
            "pyiqa",
            f"`{theirs}`, pairs in memory",
            lambda name=name: _of_images(name, pred, truth, scene.sources),
            "benchmarks.side.theirs.metrics:of_images",
            {"name": theirs, "pred": [str(path) for path in pred], "truth": [str(path) for path in truth]},
            len(pred),
            CLOSE,
            package="pyiqa",
            needs=("pyiqa",),
            aim=AIMS.get(name, 1.0),
            weights=weights[trunk] if trunk else "real" if name in ("stlpips_alex", "niqe_yiq") else "none",
        )
    yield _of_folders(scene, "metrics", ["fid_clean_gt"], 1, aim=1.0, weights=weights["inception"])


def protocol(scene: Scene) -> Iterator[Contest]:
    """The six metrics of `pyiqa`, from files to numbers."""
    told = metric_weights(scene)
    weights = "random" if "random" in told.values() else "real"
    yield _of_folders(scene, "protocol", list(PROTOCOL), 1, aim=3.0, weights=weights)
    yield _of_folders(scene, "protocol", list(PROTOCOL), 1000, aim=3.0, weights=weights, note="ours with intervals")
    images = scene.images()
    ours = ["evaluate", "--pred", str(images.restored), "--gt", str(images.truth), "--protocol", "pyiqa", "--raw", str(scene.sources)]
    out = scene.folder / "protocol.csv"
    yield Contest(
        "protocol",
        "command, imports too",
        "pyiqa",
        "its command, imports too",
        lambda: Task(lambda: _command([*ours, "--out", str(out)]), lambda: _printed([*ours, "--out", str(out)], out)),
        "benchmarks.side.theirs.command:command",
        {
            "module": "pyiqa.pyiqa_cmd",
            "words": [*PROTOCOL.values(), "-t", str(images.restored), "-r", str(images.truth), "--device", "cpu"],
            "patterns": [rf"'{name}':[^\d-]*(?:\w+\.float64\()?(-?[\d.]+(?:e-?\d+)?)" for name in PROTOCOL.values()],
        },
        scene.count,
        OF_SETS,
        package="pyiqa",
        needs=("pyiqa",),
        aim=3.0,
        weights=weights,
        note="ours with intervals",
    )


def fid(scene: Scene) -> Iterator[Contest]:
    """Inception's features, and the distance of two folders, beside pytorch-fid and clean-fid."""
    weights, images = metric_weights(scene)["inception"], scene.images()
    workers = 0 if scene.threads == 1 else scene.threads
    folders = {"pred": str(images.restored), "truth": str(images.truth), "workers": workers}
    place, shared = "benchmarks.side.theirs.fid", {"images": scene.count, "tolerance": OF_SETS, "aim": 1.0, "weights": weights}
    yield Contest(
        "fid",
        "features of files",
        "pytorch-fid",
        "statistics of files",
        lambda: _features(scene, sorted(images.restored.iterdir())),
        f"{place}:statistics",
        {"folder": str(images.restored), "workers": workers},
        package="pytorch-fid",
        needs=("pytorch_fid",),
        **shared,
    )
    for name, peer, function in (("fid_gt", "pytorch-fid", "of_folders"), ("fid_clean_gt", "clean-fid", "clean")):
        yield Contest(
            "fid",
            name,
            peer,
            "two folders to a number",
            _evaluating(scene, [name], 1),
            f"{place}:{function}",
            folders,
            package=peer,
            needs=("pytorch_fid", "cleanfid") if peer == "clean-fid" else ("pytorch_fid",),
            note="pytorch-fid's port of its network" if peer == "clean-fid" else "",
            **shared,
        )


def _of_folders(scene: Scene, group: str, names: list[str], resamples: int, **more: Any) -> Contest:
    """Metrics of two folders, by `clrface.evaluate` and as pyiqa's command does it. Networks are loaded in both."""
    images = scene.images()
    whole = len(names) > 1
    what = f"{len(names)} metrics, {resamples} resample{'s' if resamples > 1 else ''}" if whole else names[0]
    return Contest(
        group,
        what,
        "pyiqa",
        "the same metrics, files to numbers" if whole else f"`{PROTOCOL[names[0]]}`, two folders to a number",
        _evaluating(scene, names, resamples),
        "benchmarks.side.theirs.metrics:of_folders",
        {"names": [PROTOCOL[name] for name in names], "pred": str(images.restored), "truth": str(images.truth)},
        scene.count,
        OF_SETS,
        package="pyiqa",
        needs=("pyiqa",),
        **more,
    )


def _evaluating(scene: Scene, names: list[str], resamples: int) -> Callable[[], Task]:
    images = scene.images()
    held_by = "pyiqa" if set(names) <= PROTOCOL.keys() else "paper"

    def run() -> list[float]:
        done = evaluate(
            images.restored, images.truth, protocol=held_by, metrics=names, resamples=resamples, batch=BATCH, sources=scene.sources
        )
        return [done.values[name] for name in names]

    return lambda: Task(run)


def _of_images(name: str, pred: list[Path], truth: list[Path], sources: Path) -> Task:
    """Ours of pairs in memory, one at a time, as pyiqa takes them."""
    pairs = [tuple(to_unit(read_rgb(path)[None]) for path in pair) for pair in zip(pred, truth, strict=True)]
    metric: Any = load_metric(name, sources)

    def run() -> list[float]:
        for pair in pairs:
            metric.update(*pair)
        return [score.value for score in metric.result()[-len(pairs) :]]

    return Task(run)


def _features(scene: Scene, files: list[Path]) -> Task:
    """As the metrics of sets read files and compute features."""
    network = inception.features(scene.sources)

    def run() -> np.ndarray:
        batches = (files[start : start + BATCH] for start in range(0, len(files), BATCH))
        return np.concatenate([network(np.stack([to_unit(read_rgb(path)) for path in batch])) for batch in batches])

    return Task(run)


def _command(words: list[str]) -> None:
    """`clrface WORDS`, in a process of its own."""
    import subprocess

    subprocess.run([sys.executable, "-m", "clrface", *words], check=True, capture_output=True)


def _printed(words: list[str], out: Path) -> list[float]:
    """The values of the table that the command writes."""
    import pandas as pd

    _command(words)
    return [float(value) for value in pd.read_csv(out).set_index("metric").loc[list(PROTOCOL), "value"]]
