"""Our metrics beside pyiqa's own functions, on the same images and the same weights.

pip install pyiqa                        # in an environment of its own: it brings much along
python -m clrface fetch lpips niqe_official
python benchmarks/pyiqa_agreement.py     # LPIPS on random trunks, for torchvision's can't be shipped; NIQE with its authors' parameters

pyiqa's networks are given their weights here, so that nothing is downloaded.
"""

import argparse
import functools
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageFilter

from clrface.images import to_unit
from clrface.metrics.registry import load_metric
from clrface.torchvision_import import prepare

prepare()
RAW = Path("data/raw")


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Restored and true, (512, 512, 3) uint8 each: noise, blur, JPEG-like blocks, another brightness, and contradiction."""
    truth = skimage.data.astronaut()
    rng = np.random.default_rng(0)
    blocks = truth.reshape(64, 8, 64, 8, 3).mean((1, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    return {
        "noise": (np.clip(truth + rng.normal(0, 15, truth.shape), 0, 255).astype(np.uint8), truth),
        "blur": (np.asarray(Image.fromarray(truth).filter(ImageFilter.GaussianBlur(3))), truth),
        "blocks": (blocks, truth),
        "brighter": (np.clip(truth * 1.2 + 10, 0, 255).astype(np.uint8), truth),
        "negative": (255 - truth, truth),
        "equal": (truth, truth),
    }


def ours(name: str, sources: Path, pred: np.ndarray, ref: np.ndarray) -> float:
    """Our value for one pair."""
    metric: Any = load_metric(name, sources)
    metric.update(to_unit(pred[None]), to_unit(ref[None]))
    return metric.result()[0].value


def main() -> int:
    """Print both values of every metric and pair; 1 where they differ by more than half of a fourth digit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, default=RAW)
    parser.add_argument("--metrics", nargs="*", help="some of them")
    parser.add_argument("--weights", type=Path, help="a folder with vgg16/ and alexnet/ of torchvision's files; random ones when left out")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        weights = options.weights or random_trunks(Path(folder), options.raw)
        theirs = reference_functions(options.raw, weights)
        sources = {name: weights if name.startswith("lpips") else options.raw for name in theirs}
        worst = 0.0
        print(f"{'metric':<14} {'pair':<9} {'ours':>12} {'pyiqa':>12} {'apart':>9}")
        for name in options.metrics or theirs:
            function = theirs[name]
            for pair, (pred, ref) in pairs().items():
                a, b = ours(name, sources[name], pred, ref), function(*(torch.from_numpy(to_unit(one[None])) for one in (pred, ref)))
                worst = max(worst, abs(a - b) / max(1, abs(b)))
                print(f"{name:<14} {pair:<9} {a:>12.6f} {b:>12.6f} {abs(a - b):>9.1e}")
    print(f"largest difference {worst:.1e}: {'agrees' if worst < 5e-5 else 'differs'} to 4 digits")
    return int(worst >= 5e-5)


def reference_functions(raw: Path, weights: Path) -> dict[str, Any]:
    """pyiqa's functions, by our metrics' names."""
    from pyiqa.archs.lpips_arch import LPIPS
    from pyiqa.archs.niqe_arch import calculate_niqe
    from pyiqa.archs.psnr_arch import psnr
    from pyiqa.archs.ssim_arch import SSIM
    from torchvision import models

    with np.load(raw / "niqe_official" / "niqe_pris_params.npz") as stored:
        pristine = {name: torch.from_numpy(stored[name]) for name in ("mu_pris_param", "cov_pris_param")}

    builder = {"vgg": "vgg16", "alex": "alexnet"}

    def of_lpips(net: str) -> Any:
        blank = functools.partial(getattr(models, builder[net]), weights=None)
        with mock.patch.object(models, builder[net], lambda **_: blank()):  # it asks for pretrained weights whatever its options say
            network = LPIPS(pretrained=False, net=net, pnet_rand=True).eval()
        state = torch.load(weights / {"vgg": "vgg16/vgg16-397923af.pth", "alex": "alexnet/alexnet-owt-7be5be79.pth"}[net])
        for part in network.net.children():
            for place, layer in part.named_children():
                if isinstance(layer, torch.nn.Conv2d):
                    layer.load_state_dict({kind: state[f"features.{place}.{kind}"] for kind in ("weight", "bias")})
        network.load_state_dict(torch.load(raw / "lpips" / f"{net}.pth", map_location="cpu"), strict=False)
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


def random_trunks(folder: Path, raw: Path) -> Path:
    """Random trunks in torchvision's layout beside the package's linear layers."""
    from torchvision.models import alexnet, vgg16

    torch.manual_seed(0)
    shutil.copytree(raw / "lpips", folder / "lpips")
    for name, network in (("vgg16/vgg16-397923af.pth", vgg16), ("alexnet/alexnet-owt-7be5be79.pth", alexnet)):
        (folder / name).parent.mkdir()
        state = network(weights=None).state_dict()
        torch.save({key: value for key, value in state.items() if key.startswith("features.")}, folder / name)
    return folder


if __name__ == "__main__":
    sys.exit(main())
