"""CodeFormer with its authors' weights, at 512x512 (Zhou et al., NeurIPS 2022)."""

from typing import Any

import torch

from clrface.errors import UserError
from clrface.restoration.official import OfficialRestorer

CARD = {
    "name": "codeformer",
    "label": "CodeFormer",
    "stochastic": False,
    "paper": "Zhou et al., NeurIPS 2022",
    "licence": "S-Lab License 1.0 (non-commercial)",
    "params": {"fidelity": 0.5, "half": False},
    "accepts": {
        "fidelity": {"description": "0: quality, 1: fidelity.", "type": "number", "minimum": 0, "maximum": 1},
        "half": {"description": "Half precision on a GPU.", "type": "boolean"},
    },
    "assets": ("codeformer",),
    "resolution": 512,
}


class Restorer(OfficialRestorer):
    """CodeFormer; see `OfficialRestorer`.

    Args:
        fidelity: the paper's w in [0, 1]. 0 gives the codebook's quality, 1 the most of the input;
            comparisons use 0.5.

    Raises: UserError for a fidelity outside [0, 1].
    """

    file = "codeformer/codeformer.pth"

    def __init__(self, fidelity: float, half: bool = False):
        super().__init__(half)
        if not 0 <= fidelity <= 1:
            raise UserError(f"codeformer.fidelity: found {fidelity}, expected a number from 0 (quality) to 1 (fidelity).")
        self.fidelity = fidelity

    def make_network(self) -> Any:
        from spandrel_extra_arches.architectures.CodeFormer import CodeFormer

        return CodeFormer(
            dim_embd=512,
            n_head=8,
            n_layers=9,
            codebook_size=1024,
            latent_size=256,
            connect_list=["32", "64", "128", "256"],
            fix_modules=["quantize", "generator"],
        )

    def run(self, x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        return self.network(x, weight=self.fidelity)[0]
