"""Rivals with their authors' weights: networks by spandrel, ranges and randomness by us.

These networks take and give aligned 512x512 RGB in [-1, 1]. spandrel's own calls hand GFPGAN and CodeFormer [0, 1], as an upscaler's, so
they are not used: the networks are called here as their authors' inference scripts call them.
"""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from clrface.errors import UserError
from clrface.intact import intact
from clrface.models.loading import fill
from clrface.models.torch_file import read_torch

SIDE_PX = 512


class OfficialRestorer(ABC):
    """A method whose network comes from spandrel and whose weights are the one file that the card's source brings.

    `half`: on a GPU, run in bfloat16 where autocast finds it safe; the authors' scripts run in single precision.
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
        """The network with the sizes of the authors' weights."""

    @abstractmethod
    def run(self, x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        """(B, 3, 512, 512) in [-1, 1] to the same."""


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of an authors' .pth, out of the wrappings that are usual (`params_ema`, `state_dict`, ...); pickled code is refused.

    Raises: UserError when there is no such file, or when it holds no tensors by name.
    """
    from spandrel import canonicalize_state_dict

    if not path.is_file():
        raise UserError(f"No weights at {path}. Fetch it first: python -m clrface fetch {path.parent.name}.")
    stored = read_torch(intact(path), "Expected the authors' file: fetch it again.")
    state = canonicalize_state_dict(stored) if isinstance(stored, dict) else {}
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        found = f"a dict with {', '.join(map(str, list(stored)[:3]))}, ..." if isinstance(stored, dict) else type(stored).__name__
        raise UserError(f"{path} holds {found}, expected tensors by name. Give the authors' file.")
    return state
