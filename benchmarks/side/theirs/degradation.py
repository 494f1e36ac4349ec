"""BasicSR's degradation functions (github.com/XPixelGroup/BasicSR), alone and in GFPGAN's data set (github.com/TencentARC/GFPGAN).

Their draws are given. A check gives the noise too; timed runs draw their own, of the same strength.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from benchmarks.side.task import Task
from benchmarks.side.theirs.clones import open_packages

Draws = dict[str, Any]
"""The fields of clrface.degradation.draw.Draws."""


def functions(images: list[str], draws: list[Draws]) -> Task:
    """BasicSR's functions in the order of GFPGAN's data set: images in memory, 8 bits to 8 bits."""
    open_packages()
    basicsr = import_module("basicsr.data.degradations")
    loaded = [cv2.imread(path) for path in images]

    def run() -> list[np.ndarray]:
        return [_degraded(basicsr, image, drawn) for image, drawn in zip(loaded, draws, strict=True)]

    def check() -> np.ndarray:
        outcome = []
        for image, drawn in zip(loaded, draws, strict=True):
            with _given_noise(drawn):
                outcome.append(_degraded(basicsr, image, drawn)[..., ::-1])
        return np.stack(outcome)

    return Task(run, check)


def _degraded(basicsr: Any, image: np.ndarray, drawn: Draws) -> np.ndarray:
    height, width, _ = image.shape
    lq = image.astype(np.float32) / 255.0
    lq = cv2.filter2D(lq, -1, _kernel(basicsr, drawn))
    lq = cv2.resize(lq, (drawn["side_px"], drawn["side_px"]), interpolation=cv2.INTER_LINEAR)
    lq = basicsr.add_gaussian_noise(lq, drawn["noise_std_255"], clip=True, rounds=False)
    lq = basicsr.add_jpg_compression(lq, drawn["jpeg_quality"])
    lq = cv2.resize(lq, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip((lq * 255.0).round(), 0, 255).astype(np.uint8)


def _kernel(basicsr: Any, drawn: Draws) -> np.ndarray:
    sizes = (drawn["kernel_px"], drawn["sigma_x_px"], drawn["sigma_y_px"], drawn["angle_rad"])
    return basicsr.bivariate_Gaussian(*sizes, isotropic=drawn["kernel"] == "iso")


def data_set(folder: str, size: int, draws: dict[str, Draws]) -> Task:
    """GFPGAN's FFHQDegradationDataset, from files to pairs of tensors in [-1, 1].

    Args:
        folder: of the images.
        size: their side in pixels.
        draws: by the file's name.
    """
    open_packages()
    import torch

    basicsr = import_module("basicsr.data.degradations")
    made = import_module("gfpgan.data.ffhq_degradation_dataset").FFHQDegradationDataset(_options(folder, size))
    places = {Path(path).name: place for place, path in enumerate(made.paths)}
    given: Draws = {}
    _give_draws(basicsr, torch, given)

    def degraded(name: str) -> Any:
        given.clear()
        given.update(draws[name])
        _set(made, given)
        return made[places[name]]["lq"]

    def check() -> np.ndarray:
        outcome = []
        for name, drawn in draws.items():
            with _given_noise(drawn):
                outcome.append(((degraded(name) / 2 + 0.5) * 255).round().numpy().astype(np.uint8).transpose(1, 2, 0))
        return np.stack(outcome)

    return Task(lambda: [degraded(name) for name in draws], check)


def _options(folder: str, size: int) -> dict[str, Any]:
    """The options of GFPGAN's train_gfpgan_v1.yml, without its crops of eyes and mouth."""
    return {
        "dataroot_gt": folder,
        "io_backend": {"type": "disk"},
        "use_hflip": False,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "out_size": size,
        "blur_kernel_size": 41,
        "kernel_list": ["iso", "aniso"],
        "kernel_prob": [0.5, 0.5],
        "blur_sigma": [0.1, 10],
        "downsample_range": [0.8, 8],
        "noise_range": [0, 20],
        "jpeg_range": [60, 100],
        "color_jitter_prob": 0.3,
        "color_jitter_shift": 20,
        "color_jitter_pt_prob": 0.3,
        "gray_prob": 0.01,
    }


def _set(made: Any, drawn: Draws) -> None:
    """Narrow each range to what was drawn."""
    made.downsample_range = [made.out_size / (drawn["side_px"] + 0.5)] * 2  # it divides the side by it, and cuts
    made.noise_range = [drawn["noise_std_255"]] * 2
    made.jpeg_range = [drawn["jpeg_quality"]] * 2
    made.color_jitter_prob = _certainly(any(_shift(drawn)))
    made.gray_prob = _certainly(drawn["grey"])
    made.color_jitter_pt_prob = _certainly(bool(drawn["jitter_order"]))
    made.opt |= {name: [drawn[name]] * 2 for name in ("brightness", "contrast", "saturation", "hue")}


def _certainly(wanted: bool) -> float:
    """A probability above, or below, all that is drawn to meet it."""
    return 2.0 if wanted else -1.0


def _shift(drawn: Draws) -> list[float]:
    """Of B, G and R."""
    return [drawn[f"shift_{channel}_255"] / 255 for channel in "bgr"]


def _give_draws(basicsr: Any, torch: Any, given: Draws) -> None:
    """Replace, in this process, what is drawn without a range: the kernel, the shift of colours, the order of the jitter.

    OpenCV 4.14 refuses JPEG's quality as the float that BasicSR hands it; before, it cut it to a whole number, as here. NumPy 2's scalars
    would make the noisy image double, which OpenCV refuses too; Python's floats keep it single, as NumPy 1's did.
    """
    uniform, randperm, jpeg = np.random.uniform, torch.randperm, basicsr.add_jpg_compression

    def drawn_uniform(low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        if size == 3:
            return np.array(_shift(given))
        return float(uniform(low, high)) if size is None else uniform(low, high, size)

    def order(n: int) -> Any:
        return torch.tensor(["bcsh".index(step) for step in given["jitter_order"]]) if n == 4 else randperm(n)

    np.random.uniform = drawn_uniform
    torch.randperm = order
    basicsr.random_mixed_kernels = lambda *_, **__: _kernel(basicsr, given)
    basicsr.add_jpg_compression = lambda image, quality: jpeg(image, int(quality))


@contextmanager
def _given_noise(drawn: Draws) -> Iterator[None]:
    """The field that ours adds, in place of a new one; for BGR."""

    def field(*shape: int) -> np.ndarray:
        return np.random.default_rng(drawn["noise_seed"]).standard_normal(shape, dtype=np.float32)[..., ::-1]

    with mock.patch.object(np.random, "randn", field):
        yield
