"""RestoreFormer with its authors' weights, at 512x512 (Wang et al., CVPR 2022)."""

from typing import Any

import torch

from clrface.restoration.official import OfficialRestorer

CARD = {
    "name": "restoreformer",
    "label": "RestoreFormer",
    "stochastic": False,
    "paper": "Wang et al., CVPR 2022",
    "licence": "Apache-2.0",
    "params": {"half": False},
    "assets": ("restoreformer",),
    "resolution": 512,
}


class Restorer(OfficialRestorer):
    """RestoreFormer, in the size that its code has by default; see `OfficialRestorer`."""

    file = "restoreformer/RestoreFormer.pth"

    def make_network(self) -> Any:
        from spandrel.architectures.RestoreFormer import RestoreFormer

        return RestoreFormer()

    def run(self, x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return self.network(x)[0]
