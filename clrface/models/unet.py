"""The one-step restoration U-Net: the regression baseline `unet`, and CLR-Face's Identity Recovery
Network (IRN).
"""

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from torch.nn import functional

from clrface.models.colour import keep_grey


class RestorationUNet(ModelMixin, ConfigMixin):
    """x = y + U(y): diffusers' UNet2DModel (Ronneberger et al. 2015) behind a pixel-unshuffle stem,
    predicting the residual in one step.

    Args:
        channels: those of each level, from full resolution (after the stem) down.
        layers: residual blocks a level.
        patch: pixels a side that the stem folds into channels.
        attention_levels: how many of the lowest levels have attention.
        norm_groups: groups of the normalisation; they divide every level's channels.
        head_dim: channels of an attention head.
        colours_grey: it was trained to colour grey photographs; any other network leaves them grey
            (`tinted`).
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        channels: tuple[int, ...] = (64, 96, 128),
        layers: int = 1,
        patch: int = 2,
        attention_levels: int = 1,
        norm_groups: int = 16,
        head_dim: int = 32,
        colours_grey: bool = False,
    ):
        super().__init__()
        self.patch = patch
        self.unet = latent_unet(3 * patch**2, 3 * patch**2, channels, layers, attention_levels, norm_groups, head_dim)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) in [0, 1] to the same shape, about [0, 1], not clipped.

        H and W are multiples of patch * 2 ** (levels - 1).
        """
        folded = functional.pixel_unshuffle(2 * y - 1, self.patch)
        residual = self.unet(folded, 0).sample
        return y + functional.pixel_shuffle(residual, self.patch) / 2

    def tinted(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return images x (B, 3, H, W) restored from y, grey where y is grey, unless this network
        was trained to colour it.
        """
        return x if self.config["colours_grey"] else keep_grey(x, y)


def latent_unet(
    inputs: int,
    outputs: int,
    channels: tuple[int, ...] = (64, 128, 192),
    layers: int = 2,
    attention_levels: int = 2,
    norm_groups: int = 16,
    head_dim: int = 32,
) -> UNet2DModel:
    """Make diffusers' UNet2DModel with attention at its `attention_levels` lowest resolutions: the
    diffusion networks, and the inside of `RestorationUNet`.

    It maps (B, inputs, h, w) and times in [0, 1000) to (B, outputs, h, w), h and w multiples of
    2 ** (levels - 1). For the other arguments see `RestorationUNet`.
    """
    plain = len(channels) - attention_levels
    return UNet2DModel(
        in_channels=inputs,
        out_channels=outputs,
        block_out_channels=tuple(channels),
        layers_per_block=layers,
        down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",) * attention_levels,
        up_block_types=("AttnUpBlock2D",) * attention_levels + ("UpBlock2D",) * plain,
        norm_num_groups=norm_groups,
        attention_head_dim=head_dim,
    )
