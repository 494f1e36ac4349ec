"""pyiqa's own functions (github.com/chaofengc/IQA-PyTorch), with their weights given, so that nothing is downloaded."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.peers.rows import Images, Row, ours


def compare(images: Images, sources: Path) -> Iterator[Row]:
    """The mean of each metric over the pairs, theirs and ours, by the weights under `sources`."""
    from pyiqa.utils.img_util import imread2tensor

    for name, function in reference_functions(sources).items():
        pairs = zip(sorted(images.restored.iterdir()), sorted(images.truth.iterdir()), strict=True)
        unit = ([imread2tensor(str(path), rgb=True)[None] for path in pair] for pair in pairs)
        theirs = float(np.mean([function(*pair) for pair in unit]))
        yield Row("pyiqa", THEIR_NAMES[name], name, theirs, ours(images, name, sources))
    theirs = frechet(images, sources)
    yield Row("pyiqa", "fid", "fid_clean_gt", theirs, ours(images, "fid_clean_gt", sources), absolute=INEXACT_ROOT * theirs)


INEXACT_ROOT = 1e-4
"""scipy's root of the product of two covariances of few images is off by so much of the distance. Ours needs no such root."""
THEIR_NAMES = {"psnr_eps": "psnr", "ssim_cut": "ssimc", "niqe_yiq": "niqe", "lpips_vgg": "lpips-vgg", "lpips_alex": "lpips"}


def reference_functions(sources: Path) -> dict[str, Any]:
    """pyiqa's functions, by our metrics' names."""
    from pyiqa.archs.lpips_arch import LPIPS
    from pyiqa.archs.niqe_arch import calculate_niqe
    from pyiqa.archs.psnr_arch import psnr
    from pyiqa.archs.ssim_arch import SSIM
    from torchvision import models

    with np.load(sources / "niqe_official" / "niqe_pris_params.npz") as stored:
        pristine = {name: torch.from_numpy(stored[name]) for name in ("mu_pris_param", "cov_pris_param")}

    builder = {"vgg": "vgg16", "alex": "alexnet"}

    def of_lpips(net: str) -> Any:
        blank = functools.partial(getattr(models, builder[net]), weights=None)
        with mock.patch.object(models, builder[net], lambda **_: blank()):  # it asks for pretrained weights whatever its options say
            network = LPIPS(pretrained=False, net=net, pnet_rand=True).eval()
        state = torch.load(sources / {"vgg": "vgg16/vgg16-397923af.pth", "alex": "alexnet/alexnet-owt-7be5be79.pth"}[net])
        for part in network.net.children():
            for place, layer in part.named_children():
                if isinstance(layer, torch.nn.Conv2d):
                    layer.load_state_dict({kind: state[f"features.{place}.{kind}"] for kind in ("weight", "bias")})
        network.load_state_dict(torch.load(sources / "lpips" / f"{net}.pth", map_location="cpu"), strict=False)
        return network

    def plain(function: Any) -> Any:
        def value(pred: torch.Tensor, ref: torch.Tensor) -> float:
            with torch.no_grad():
                return float(function(pred, ref))

        return value

    return {
        "psnr_eps": plain(psnr),
        "ssim_cut": plain(SSIM(test_y_channel=False)),
        "niqe_yiq": plain(lambda pred, ref: calculate_niqe(pred, **pristine)),
        "lpips_vgg": plain(of_lpips("vgg")),
        "lpips_alex": plain(of_lpips("alex")),
    }


def frechet(images: Images, sources: Path) -> float:
    """pyiqa's fid of the two folders."""
    from pyiqa.archs import inception
    from pyiqa.archs.fid_arch import FID

    weights = torch.load(sources / "inception" / "pt_inception-2015-12-05-6726825d.pth")
    with mock.patch.object(inception, "load_pretrained_network", lambda network, _: network.load_state_dict(weights)):
        network = FID()
    return network(str(images.restored), str(images.truth), device=torch.device("cpu"), num_workers=0, verbose=False)
