"""GFPGAN's degradation dataset as it is, but for its random numbers: they are the draws of ours.

python forced_draws.py DATASET.py JOBS.json        # by the environment that the file needs: nothing of ours is imported

JOBS.json is a list of objects with `image`, `out` (both paths) and `draws` (clrface.degradation.draw.Draws).
"""

import importlib.util
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch

STEPS = {"b": "brightness", "c": "contrast", "s": "saturation", "h": "hue"}
YES, NO = 0.0, 1.0
"""What np.random.uniform() gives for a step that is taken, and for one that isn't."""


def degraded(kind, image, draws):
    """The degraded image, (H, W, 3) uint8 BGR."""
    shift = [draws[f"shift_{channel}_255"] for channel in "bgr"]
    options = {
        "dataroot_gt": str(Path(image).parent),
        "io_backend": {"type": "disk"},
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
        "out_size": 512,
        "use_hflip": False,
        "blur_kernel_size": draws["kernel_px"],
        "kernel_list": [draws["kernel"]],
        "kernel_prob": [1],
        "blur_sigma": [0, 1],
        "downsample_range": [0, 1],
        "noise_range": [0, 1],
        "jpeg_range": [0, 1],
        "color_jitter_prob": 0.5 if any(shift) else None,
        "gray_prob": 0.5 if draws["grey"] else None,
        "color_jitter_pt_prob": 0.5 if draws["jitter_order"] else None,
    }
    dataset = kind(options)
    dataset.paths = [image]
    with _forced(draws, shift):
        small = dataset[0]["lq"]
    return np.rint(255 * small.numpy().transpose(1, 2, 0)[..., ::-1]).astype(np.uint8)


def _forced(draws, shift):
    """Give the draws in the order in which the dataset asks for them."""
    numbers = [draws["sigma_x_px"], *([draws["sigma_y_px"], draws["angle_rad"]] if draws["kernel"] == "aniso" else [])]
    numbers += [512 / (draws["side_px"] + 0.5), draws["noise_std_255"], NO, draws["jpeg_quality"]]
    numbers += [YES, np.array(shift) / 255] if any(shift) else []
    numbers += [YES] * (bool(draws["grey"]) + bool(draws["jitter_order"]))
    strengths = [draws[STEPS[step]] for step in draws["jitter_order"]]
    order = torch.tensor([list(STEPS).index(step) for step in draws["jitter_order"]])
    return _patched(
        (np.random, "uniform", lambda *_: numbers.pop(0)),
        (np.random, "randn", lambda *shape: _noise(draws["noise_seed"], shape)),
        (torch, "randperm", lambda _: order),
        (torch.Tensor, "uniform_", lambda self, *_: self.fill_(strengths.pop(0))),
    )


def _noise(seed, shape):
    """Our noise, its channels as BGR."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)[..., ::-1]


def _patched(*places):
    stack = ExitStack()
    for owner, name, function in places:
        stack.enter_context(mock.patch.object(owner, name, function))
    return stack


def main(file, jobs):
    """Write each job's image."""
    spec = importlib.util.spec_from_file_location("peer_dataset", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for job in json.loads(Path(jobs).read_text()):
        cv2.imwrite(job["out"], degraded(module.FFHQDegradationDataset, job["image"], job["draws"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
