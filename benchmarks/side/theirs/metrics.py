"""pyiqa (github.com/chaofengc/IQA-PyTorch), as its command calls it."""

from pathlib import Path
from typing import Any

from benchmarks.side.task import Task


def of_images(name: str, pred: list[str], truth: list[str]) -> Task:
    """A metric of pairs that are in memory, one pair at a time."""
    from pyiqa.utils.img_util import imread2tensor

    metric = _created(name)
    pairs = [tuple(imread2tensor(path, rgb=True)[None] for path in pair) for pair in zip(pred, truth, strict=True)]
    return Task(lambda: [metric(*pair).item() for pair in pairs])


def of_folders(names: list[str], pred: str, truth: str) -> Task:
    """Each metric's mean over the files of two folders, as pyiqa's command does it: metric by metric. Networks are loaded in it."""
    return Task(lambda: [_of_folder(name, pred, truth) for name in names])


def _of_folder(name: str, pred: str, truth: str) -> float:
    metric = _created(name)
    if name == "fid":
        return float(metric(pred, truth, mode="clean", verbose=False))
    pairs = zip(_files(pred), _files(truth), strict=True)
    values = [metric(*(pair if metric.metric_mode == "FR" else pair[:1])).item() for pair in pairs]
    return sum(values) / len(values)


def _created(name: str) -> Any:
    """The metric. Its weights are under TORCH_HOME, so that it downloads nothing."""
    import pyiqa

    return pyiqa.create_metric(name, device="cpu")


def _files(folder: str) -> list[str]:
    return [str(path) for path in sorted(Path(folder).iterdir()) if not path.name.startswith(".")]
