"""Code prediction: a transformer reads a strongly compressed face's codes off the degraded one
(CodeFormer, Zhou et al. 2022).

Notation: y the degraded face; E_y its encoder; z_y = E_y(y), (B, C, h, w); s the h x w codes of the
clean face in the codebook of an autoencoder at f = 16. The network gives logits of s; the
autoencoder's decoder paints the codes.

This is CodeFormer's second stage, whose published network takes a fidelity weight through a third
stage; at this size there is none.
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from clrface.models.autoencoder import Autoencoder


class CodePredictor(ModelMixin, ConfigMixin):
    """An encoder shaped like the autoencoder's, then a pre-norm transformer over h x w positions.

    Args:
        autoencoder: the config of the autoencoder that decodes the codes, one code a position.
        places: h * w; the network takes images of this many positions only.
        width, depth, heads: channels, layers and attention heads of the transformer.
    """

    _supports_gradient_checkpointing = True  # of its encoder

    @register_to_config
    def __init__(self, autoencoder: dict, places: int = 16, width: int = 192, depth: int = 4, heads: int = 6):
        super().__init__()
        shape = Autoencoder(**autoencoder)
        self.patch = autoencoder["patch"]
        self.encoder, self.quant_conv = shape.vq.encoder, shape.vq.quant_conv
        self.project = nn.Linear(autoencoder["latent_channels"], width)
        self.position = nn.Parameter(torch.zeros(places, width))
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.transformer = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.logits = nn.Linear(width, autoencoder["codes"], bias=False)

    def start_from(self, autoencoder: Autoencoder) -> None:
        """Copy the weights of the clean faces' encoder: CodeFormer's second stage starts from them.

        Raises: RuntimeError for an autoencoder of another shape.
        """
        self.encoder.load_state_dict(autoencoder.vq.encoder.state_dict())
        self.quant_conv.load_state_dict(autoencoder.vq.quant_conv.state_dict())

    def forward(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (B, 3, H, W) in [0, 1] to logits, (B, h * w, codes), and z_y, (B, C, h, w).

        Raises: RuntimeError where h * w differs from `places`.
        """
        z_y = self.quant_conv(self.encoder(nn.functional.pixel_unshuffle(2 * y - 1, self.patch)))
        tokens = z_y.flatten(2).transpose(1, 2)
        return self.logits(self.transformer(self.project(tokens) + self.position)), z_y
