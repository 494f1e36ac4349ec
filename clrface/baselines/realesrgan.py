"""Real-ESRGAN x4plus with its authors' weights: general blind super-resolution, not made for faces.

Wang et al. 2021.
"""

from pathlib import Path

import torch
from torch.nn import functional

from clrface.errors import UserError
from clrface.models.colour import keep_grey
from clrface.models.loading import fill
from clrface.models.ncnn_weights import read_convolutions
from clrface.torchvision_import import prepare

CARD = {
    "name": "realesrgan",
    "label": "Real-ESRGAN",
    "stochastic": False,
    "paper": "Wang et al., ICCVW 2021",
    "licence": "BSD-3-Clause",
    "params": {"shrink": 4},
    "assets": ("realesrgan",),
}
FACTOR = 4


class Restorer:
    """The input is reduced `shrink` times (mean over blocks), enlarged four times by the network,
    and brought back to its size.

    Our inputs are enlarged already; with `shrink: 4` the network gets about as many pixels as the
    degradation left of a face.

    Args:
        shrink: 1, 2 or 4; sides must be multiples of it.

    Raises: UserError for another `shrink`, for weights that are missing or another network's, and
    for images of other sides.
    """

    def __init__(self, shrink: int):
        if shrink not in (1, 2, 4):
            raise UserError(f"realesrgan.shrink: found {shrink}, expected 1, 2 or 4.")
        self.shrink = shrink

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        prepare()
        from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

        network = RRDBNet(num_blocks=23)
        folder = Path(sources) / "realesrgan"
        found = read_convolutions(folder / "realesrgan-x4plus.param", folder / "realesrgan-x4plus.bin")
        names = [name.removesuffix(".weight") for name in network.state_dict() if name.endswith(".weight")]
        if len(names) != len(found):
            raise UserError(f"{folder} holds {len(found)} convolutions, but Real-ESRGAN x4plus has {len(names)}. Fetch the source again.")
        state = {f"{name}.weight": layer.weight for name, layer in zip(names, found, strict=True)}
        state |= {f"{name}.bias": layer.bias for name, layer in zip(names, found, strict=True)}
        self.network = fill(network, state, f"{folder} isn't Real-ESRGAN x4plus", "Fetch the source again.").to(device)
        self.device = device

    @torch.no_grad()
    def enlarge(self, image: torch.Tensor) -> torch.Tensor:
        """Enlarge (1, 3, H, W) RGB in [0, 1], of any size, to (1, 3, 4H, 4W), about [0, 1],
        unclipped, on the CPU.
        """
        return self.network(image.to(self.device)).cpu()

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        if lq.shape[-1] % self.shrink or lq.shape[-2] % self.shrink:
            raise UserError(f"realesrgan takes sides that are multiples of {self.shrink}, found {tuple(lq.shape[-2:])}.")
        # One by one: no batch's rounding.
        large = torch.cat([self.enlarge(functional.avg_pool2d(image[None], self.shrink)) for image in lq])
        restored = functional.avg_pool2d(large, FACTOR // self.shrink)
        return keep_grey(restored, lq.cpu()).clamp(0, 1)
