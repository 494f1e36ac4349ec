"""GFPGAN (github.com/TencentARC/GFPGAN) and CodeFormer (github.com/sczhou/CodeFormer) on aligned faces, by their own code."""

from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.side.task import Task
from benchmarks.side.theirs.clones import open_packages


def gfpgan(weights: str, arch: str, images: list[str]) -> Task:
    """GFPGANer.enhance, as inference_gfpgan.py calls it with --aligned: BGR files to BGR faces.

    Args:
        arch: `clean`, or `RestoreFormer`.
    """
    open_packages()
    _write_unused_networks(Path("gfpgan/weights"))
    restorer = import_module("gfpgan.utils").GFPGANer(weights, upscale=1, arch=arch, channel_multiplier=2, device=torch.device("cpu"))

    def run() -> list[np.ndarray]:
        return [restorer.enhance(cv2.imread(path), has_aligned=True, paste_back=False)[1][0] for path in images]

    return Task(run, lambda: np.stack(run())[..., ::-1])


def _write_unused_networks(folder: Path) -> None:
    """Random weights of the detector and the parser, which GFPGANer loads for aligned faces too, and would download."""
    from facexlib.detection.retinaface import RetinaFace
    from facexlib.parsing.parsenet import ParseNet

    folder.mkdir(parents=True)
    torch.save(RetinaFace(network_name="resnet50", device="cpu").state_dict(), folder / "detection_Resnet50_Final.pth")
    torch.save(ParseNet(in_size=512, out_size=512, parsing_ch=19).state_dict(), folder / "parsing_parsenet.pth")


def codeformer(weights: str, fidelity: float, images: list[str]) -> Task:
    """inference_codeformer.py's own lines for --has_aligned, from its network's making on: BGR files to BGR faces."""
    open_packages()
    from torchvision.transforms.functional import normalize

    registry = import_module("basicsr.utils.registry").ARCH_REGISTRY
    tools = import_module("basicsr.utils")
    import_module("basicsr.archs.codeformer_arch")
    network = registry.get("CodeFormer")(
        dim_embd=512, codebook_size=1024, n_head=8, n_layers=9, connect_list=["32", "64", "128", "256"]
    ).to("cpu")
    network.load_state_dict(torch.load(weights)["params_ema"])
    network.eval()

    def restored(path: str) -> Any:
        face = cv2.resize(cv2.imread(path, cv2.IMREAD_COLOR), (512, 512), interpolation=cv2.INTER_LINEAR)
        tensor = tools.img2tensor(face / 255.0, bgr2rgb=True, float32=True)
        normalize(tensor, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), inplace=True)
        with torch.no_grad():
            output = network(tensor.unsqueeze(0), w=fidelity, adain=True)[0]
        return tools.tensor2img(output, rgb2bgr=True, min_max=(-1, 1)).astype("uint8")

    return Task(lambda: [restored(path) for path in images], lambda: np.stack([restored(path) for path in images])[..., ::-1])
