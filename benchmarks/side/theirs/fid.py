"""pytorch-fid (github.com/mseitzer/pytorch-fid) and clean-fid (github.com/GaParmar/clean-fid)."""

from pathlib import Path
from typing import Any

from benchmarks.side.task import Task

BATCH, CLEAN_BATCH = 50, 32
"""Their own defaults."""


def statistics(folder: str, workers: int) -> Task:
    """pytorch-fid's mean and covariance of a folder's features; the network is loaded before."""
    from pytorch_fid.fid_score import calculate_activation_statistics, get_activations

    files, network = sorted(Path(folder).iterdir()), _network()
    options = {"batch_size": BATCH, "dims": 2048, "device": "cpu", "num_workers": workers}
    return Task(
        lambda: calculate_activation_statistics(files, network, **options),
        lambda: get_activations(files, network, **options),
    )


def of_folders(pred: str, truth: str, workers: int) -> Task:
    """pytorch-fid's number of two folders, as its command computes it."""
    from pytorch_fid.fid_score import calculate_fid_given_paths

    return Task(lambda: [float(calculate_fid_given_paths([pred, truth], BATCH, "cpu", 2048, workers))])


def clean(pred: str, truth: str, workers: int) -> Task:
    """clean-fid's number of two folders, with pytorch-fid's port of its network, whose own file is TorchScript."""
    from cleanfid import fid

    def run() -> list[float]:
        network = _network(resize=False)

        def features(images: Any) -> Any:
            return network((images - 128) / 128)[0].flatten(1)

        options = {"num_workers": workers, "batch_size": CLEAN_BATCH, "device": "cpu", "verbose": False, "use_dataparallel": False}
        return [float(fid.compute_fid(pred, truth, mode="clean", custom_feat_extractor=features, **options))]

    return Task(run)


def _network(resize: bool = True) -> Any:
    """Inception; its weights are under TORCH_HOME."""
    from pytorch_fid.inception import InceptionV3

    return InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[2048]], resize_input=resize, normalize_input=resize).eval()
