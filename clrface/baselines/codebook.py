"""Code prediction in a strongly compressed VQ latent, trained here (shipped: f = 16).

The family of CodeFormer, VQFR and RestoreFormer; the network is CodeFormer's second stage (Zhou et
al., NeurIPS 2022), clrface.models.code_predictor.
"""

import math
from pathlib import Path

import torch

from clrface.errors import UserError
from clrface.models.autoencoder import Autoencoder
from clrface.models.code_predictor import CodePredictor
from clrface.models.colour import keep_grey
from clrface.models.loading import load_network, move

CARD = {
    "name": "codebook",
    "label": "Codebook (f = 16)",
    "stochastic": False,
    "paper": "Zhou et al., NeurIPS 2022 (CodeFormer, stage II)",
    "licence": "Apache-2.0",
    "trained_here": True,
}


class Restorer:
    """The most likely code at each position, decoded: nothing else of the degraded face is used.

    Raises: UserError for images of another size than the weights'.
    """

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        assert weights is not None
        self.device = device
        self.autoencoder = move(load_network(Autoencoder, weights / "codebook_vq"), device)
        self.predictor = move(load_network(CodePredictor, weights / "codebook"), device)

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        lq = lq.to(self.device)
        side = math.isqrt(self.predictor.config["places"]) * self.autoencoder.compression
        if lq.shape[-2:] != (side, side):
            raise UserError(
                f"Found images of {lq.shape[-1]}x{lq.shape[-2]}, but these weights of codebook are for {side}x{side}. Train it so."
            )
        logits, _ = self.predictor(lq)
        return keep_grey(self.autoencoder.decode_codes(logits.argmax(-1)), lq).clamp(0, 1).cpu()
