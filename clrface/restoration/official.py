"""Rivals with their authors' weights: networks by spandrel, ranges and randomness by us.

These networks map aligned 512x512 RGB in [-1, 1] to the same. spandrel's own calls give GFPGAN and
CodeFormer [0, 1], as an upscaler's. So the networks are called here as in their authors' inference
scripts.
"""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from clrface.errors import UserError
from clrface.intact import intact
from clrface.models.loading import fill
from clrface.models.torch_file import read_torch, tensors_by_name

SIDE_PX = 512


class OfficialRestorer(ABC):
    """A method with a network from spandrel, and the weights of one file of the card's source.

    It takes aligned faces, (B, 3, 512, 512) RGB in [0, 1], on FFHQ's template.

    Args:
        half: on a GPU, run in bfloat16 where autocast finds it safe. The authors' scripts run in
            single precision.

    Raises: UserError, when it is loaded, for weights that are missing, damaged or another
    network's; when it restores, for images of another size.
    """

    file: str
    """The weights' file under the folder of fetched sources."""

    def __init__(self, half: bool = False):
        self.half = half

    def load(self, weights: Path | None, device: str, sources: Path) -> None:
        self.device = device
        network = self.make_network()
        state = read_weights(Path(sources) / self.file)
        advice = "Fetch the source again, or give the authors' file."
        fill(network, state, f"{Path(sources) / self.file} isn't {type(network).__name__}'s", advice)
        self.network = network.to(device)

    @torch.no_grad()
    def restore(self, lq: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        if lq.shape[-2:] != (SIDE_PX, SIDE_PX):
            raise UserError(
                f"Found images of {lq.shape[-1]}x{lq.shape[-2]}, but the network takes {SIDE_PX}x{SIDE_PX}. Set `resolution: 512`."
            )
        x = (2 * lq.to(self.device) - 1).contiguous()  # as the authors feed it: some of them take views of it
        on_gpu = torch.device(self.device).type == "cuda"
        with torch.autocast("cuda", torch.bfloat16) if self.half and on_gpu else nullcontext():
            restored = self.run(x, seeds)
        return ((restored.float().clamp(-1, 1) + 1) / 2).cpu()

    @abstractmethod
    def make_network(self) -> Any:
        """Return the network in the size of the authors' weights, without them."""

    @abstractmethod
    def run(self, x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        """Restore (B, 3, 512, 512) RGB in [-1, 1] to the same, unclipped; one seed an image."""


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of an authors' .pth, from its usual wrappers (`params_ema`, `state_dict`,
    ...).

    Pickled code is refused.

    Raises: UserError for a file that is missing or damaged, or holds something else than tensors by
    name.
    """
    from spandrel import canonicalize_state_dict

    if not path.is_file():
        raise UserError(f"No weights at {path}. Fetch it first: python -m clrface fetch {path.parent.name}.")
    stored = read_torch(intact(path), "Expected the authors' file: fetch it again.")
    if isinstance(stored, dict) and all(isinstance(name, str) for name in stored):
        stored = canonicalize_state_dict(stored)
    return tensors_by_name(stored, path, "Give the authors' file.")
