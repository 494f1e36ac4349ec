"""The Inception v3 network of the Frechet inception distance, in pytorch-fid's port.

It is TensorFlow's graph of 2015-12-05. The blocks are those of the package `pytorch-fid`. The
weights are its release `pt_inception-2015-12-05-6726825d.pth`, which equals torch-fidelity's file.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface import torchvision_import
from clrface.intact import source_file
from clrface.metrics.networks import states
from clrface.metrics.networks.memory import Features, remembered
from clrface.metrics.networks.pooling import max_pool

torchvision_import.prepare()

from pytorch_fid import inception as fid  # noqa: E402  needs torchvision, which is prepared above
from torchvision.models import inception_v3  # noqa: E402

FEATURES = 2048
SIDE_PX = 299
WEIGHTS = "inception/pt_inception-2015-12-05-6726825d.pth"
LAYERS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "pool", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "pool"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c"),
)


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the features: (B, 3, H, W) RGB in [0, 1] to (B, 2048), resized as pytorch-fid and
    BasicSR do.

    They are kept in the folder `cache`, if given.
    """
    weights = source_file(sources, WEIGHTS)
    return remembered(lambda: Inception(weights).features, cache, __name__, weights)


class Inception(nn.Module):
    """Frozen. Raises: UserError for weights that aren't pytorch-fid's file."""

    def __init__(self, weights: Path):
        super().__init__()
        with torch.device("meta"):
            self.network = inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
            for name, block in _fid_blocks().items():
                setattr(self.network, name, block)
        states.fill(self.network, states.read(weights), weights)

    def forward(self, scaled: Tensor) -> Tensor:
        """Return the last pooling's outputs, (B, 2048), of (B, 3, 299, 299) RGB in [-1, 1]."""
        x = scaled
        for name in LAYERS:
            x = max_pool(x, 3, stride=2) if name == "pool" else getattr(self.network, name)(x)
        return x.mean((2, 3))

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return `forward` of images, (B, 3, H, W) RGB in [0, 1], from and to numpy.

        They are resized bilinearly to 299 px without antialiasing (`align_corners=False`).
        """
        tensor = torch.from_numpy(np.ascontiguousarray(images)).to(states.device())
        resized = functional.interpolate(tensor, size=(SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
        return self.of_scaled(2 * resized - 1)

    def of_scaled(self, scaled: Tensor) -> np.ndarray:
        """Return `forward` of (B, 3, 299, 299) in [-1, 1], without gradients, as numpy."""
        with torch.inference_mode():
            return self(scaled).cpu().numpy()


def _fid_blocks() -> Mapping[str, nn.Module]:
    """Return the blocks in which the 2015 graph differs from torchvision's.

    Its average pooling leaves out the padding, and its last block pools by maximum.
    """
    first = {f"Mixed_5{name}": fid.FIDInceptionA(*sizes) for name, sizes in {"b": (192, 32), "c": (256, 64), "d": (288, 64)}.items()}
    widths = {"b": 128, "c": 160, "d": 160, "e": 192}
    middle = {f"Mixed_6{name}": fid.FIDInceptionC(768, channels_7x7=width) for name, width in widths.items()}
    return first | middle | {"Mixed_7b": fid.FIDInceptionE_1(1280), "Mixed_7c": fid.FIDInceptionE_2(2048)}
