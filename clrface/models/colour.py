"""Luminance, and how a grey photograph stays grey."""

import torch


def luminance(x: torch.Tensor) -> torch.Tensor:
    """Return the luminance (ITU-R BT.601) of (B, 3, H, W) RGB, in all three channels, in the same
    range.
    """
    weights = x.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    return (x * weights).sum(1, keepdim=True).expand_as(x)


def keep_grey(restored: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return `restored` (B, 3, H, W), reduced to luminance where the input `y` is grey.

    Args:
        y: of the same shape and range; an image is grey if its three channels are equal everywhere.

    A network trained on colour and grey leaves a tint of half a level in 255 on grey faces. It is
    invisible, but a feature network sees it: it made up a third of the U-Net's kernel distance on
    ORL (docs/decisions.md). Not for a network that colours grey photographs.
    """
    grey = (y == y[:, :1]).flatten(1).all(1)
    return torch.where(grey[:, None, None, None], luminance(restored), restored)
