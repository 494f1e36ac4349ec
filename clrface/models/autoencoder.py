"""The VQ autoencoder with mild compression (CLR-Face: f = 4); at f = 16 it is the rival
`codebook`'s.

Notation: x image, z = E(x) the encoder's output scaled to unit variance, z_q its nearest codes, x =
G(z) decoding with quantisation. The diffusion prior works on z, before quantisation; G quantises
(as latent diffusion's VQ models do, Rombach et al. 2022).
"""

import math

import torch
from diffusers import ConfigMixin, ModelMixin, VQModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import VectorQuantizer
from torch import nn
from torch.nn import functional

from clrface.models.colour import luminance


class Autoencoder(ModelMixin, ConfigMixin):
    """diffusers' VQModel behind a pixel-unshuffle stem, with its latents scaled to zero mean and
    unit variance.

    The stem folds `patch` x `patch` pixels into channels: the costly full-resolution layers go, the
    compression stays f = patch * 2 ** (levels - 1). `luminance` says that it was trained on grey
    faces alone: it then decodes grey ones, and the pipeline refines the luminance of an image and
    takes its colours from the IRN. `mid_attention`: one head over the latent's positions, as latent
    diffusion's VQ models have it (`clrface.models.latent_diffusion` reads those). `code_channels`:
    each position's channels are cut into parts of this many, and each part takes a code of its own
    from the one codebook (product quantisation, Jegou et al. 2011): n codes then stand for n^2
    vectors with two parts. 0: one code for the whole position.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        channels: tuple[int, ...] = (64, 128),
        layers: int = 1,
        patch: int = 2,
        latent_channels: int = 3,
        codes: int = 1024,
        norm_groups: int = 16,
        luminance: bool = False,
        mid_attention: bool = False,
        code_channels: int = 0,
    ):
        super().__init__()
        self.code_channels = code_channels or latent_channels
        if latent_channels % self.code_channels:
            raise ValueError(f"latent_channels ({latent_channels}) must be a multiple of code_channels ({code_channels}).")
        levels = len(channels)
        self.patch = patch
        self.compression = patch * 2 ** (levels - 1)
        self.vq = VQModel(
            in_channels=3 * patch**2,
            out_channels=3 * patch**2,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            latent_channels=latent_channels,
            num_vq_embeddings=codes,
            norm_num_groups=norm_groups,
            vq_embed_dim=latent_channels,
            mid_block_add_attention=mid_attention,
        )
        if self.code_channels != latent_channels:
            self.vq.quantize = VectorQuantizer(codes, self.code_channels, beta=self.vq.quantize.beta)
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))

    @property
    def codebook(self) -> nn.Embedding:
        """The codes, (codes, code_channels), in the encoder's own scale."""
        return self.vq.quantize.embedding

    def encode_raw(self, x: torch.Tensor) -> torch.Tensor:
        """E before scaling: (B, 3, H, W) in [0, 1] to (B, C, H/f, W/f)."""
        return self.vq.encode(functional.pixel_unshuffle(2 * x - 1, self.patch)).latents

    def decode_raw(self, raw: torch.Tensor, quantise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """G before scaling: the image, unclipped, and the codebook's loss (0 when not quantised)."""
        loss = raw.new_zeros(())
        if quantise:
            with torch.autocast(raw.device.type, enabled=False):  # distances to codes need full precision
                raw, loss, _ = self.vq.quantize(raw.float())
        decoded = self.vq.decoder(self.vq.post_quant_conv(raw))
        return (functional.pixel_shuffle(decoded, self.patch) + 1) / 2, loss

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W), what this autoencoder knows of an image: its luminance, or all of it."""
        return luminance(x) if self.config["luminance"] else x

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z = E(x): (B, 3, H, W) in [0, 1] to (B, C, H/f, W/f) with about zero mean and unit
        variance.
        """
        return (self.encode_raw(x) - self.latent_mean[:, None, None]) / self.latent_std[:, None, None]

    def decode(self, z: torch.Tensor, quantise: bool = True) -> torch.Tensor:
        """G(z): (B, C, H/f, W/f) to (B, 3, H, W), about [0, 1], unclipped.

        Gradients pass the quantisation straight through.
        """
        return self.seen(self.decode_raw(z * self.latent_std[:, None, None] + self.latent_mean[:, None, None], quantise)[0])

    def codes(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """An image's quantised raw latents, (B, C, h, w), and their places in the codebook, (B, h *
        w * parts) int64.
        """
        raw = self.encode_raw(x).float()
        quantised, _, (_, _, places) = self.vq.quantize(raw)
        return quantised, places.reshape(len(x), -1)

    def decode_codes(self, places: torch.Tensor) -> torch.Tensor:
        """(B, h * w * parts) int64 places in the codebook, of a square image, to the image (B, 3,
        H, W), about [0, 1], unclipped.
        """
        vectors = self.codebook(places).reshape(len(places), -1, self.config["latent_channels"])
        side = math.isqrt(vectors.shape[1])
        raw = vectors.transpose(1, 2).unflatten(2, (side, side))
        return self.seen(self.decode_raw(raw, quantise=False)[0])

    def forward(self, x: torch.Tensor, quantise: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Training's pass: reconstruction (B, 3, H, W), codebook loss (), raw latents (B, C, H/f,
        W/f).
        """
        raw = self.encode_raw(x)
        image, loss = self.decode_raw(raw, quantise)
        return image, loss, raw
