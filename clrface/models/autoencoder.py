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

    Images are (B, 3, H, W) float RGB in [0, 1], H and W multiples of f (`compression`).

    Raises: ValueError for latent_channels that are no multiple of code_channels.
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
        """Return E before scaling, in the codes' scale: (B, 3, H, W) to (B, C, H/f, W/f)."""
        return self.vq.encode(functional.pixel_unshuffle(2 * x - 1, self.patch)).latents

    def decode_raw(self, raw: torch.Tensor, quantise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode latents in the codebook's scale, (B, C, h, w).

        Returns: the image, (B, 3, f h, f w), about [0, 1], unclipped; and the codebook's loss, a
        scalar (van den Oord et al. 2017, eq. 3, weighted as in VQGAN's code: 0.25 of the codebook's
        term, 1 of the commitment's), 0 without quantisation.
        """
        loss = raw.new_zeros(())
        if quantise:
            with torch.autocast(raw.device.type, enabled=False):  # distances to codes need full precision
                raw, loss, _ = self.vq.quantize(raw.float())
        decoded = self.vq.decoder(self.vq.post_quant_conv(raw))
        return (functional.pixel_shuffle(decoded, self.patch) + 1) / 2, loss

    def seen(self, x: torch.Tensor) -> torch.Tensor:
        """Return what this autoencoder models of images (B, 3, H, W): the luminance in all three
        channels, or the image itself.
        """
        return luminance(x) if self.config["luminance"] else x

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return z = E(x): (B, 3, H, W) in [0, 1] to (B, C, H/f, W/f) with about zero mean and unit
        variance a channel.
        """
        return (self.encode_raw(x) - self.latent_mean[:, None, None]) / self.latent_std[:, None, None]

    def decode(self, z: torch.Tensor, quantise: bool = True) -> torch.Tensor:
        """Return G(z): (B, C, H/f, W/f) of unit variance to (B, 3, H, W), about [0, 1], unclipped.

        Gradients pass the quantisation unchanged (straight-through estimator).
        """
        return self.seen(self.decode_raw(z * self.latent_std[:, None, None] + self.latent_mean[:, None, None], quantise)[0])

    def codes(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantise images (B, 3, H, W) in [0, 1].

        Returns: the codes' vectors in the codebook's scale, (B, C, h, w) float32; and their
        indices, (B, h * w * parts) int64, row by row, the parts of a position side by side.
        """
        raw = self.encode_raw(x).float()
        quantised, _, (_, _, places) = self.vq.quantize(raw)
        return quantised, places.reshape(len(x), -1)

    def decode_codes(self, places: torch.Tensor) -> torch.Tensor:
        """Decode indices of codes, (B, h * w * parts) int64, as `codes` returns them.

        Returns: square images, (B, 3, f h, f h), about [0, 1], unclipped.

        Raises: RuntimeError where h * w is not a square.
        """
        vectors = self.codebook(places).reshape(len(places), -1, self.config["latent_channels"])
        side = math.isqrt(vectors.shape[1])
        raw = vectors.transpose(1, 2).unflatten(2, (side, side))
        return self.seen(self.decode_raw(raw, quantise=False)[0])

    def forward(self, x: torch.Tensor, quantise: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Run training's pass on x, (B, 3, H, W) in [0, 1].

        Returns: the reconstruction, (B, 3, H, W), unclipped; the codebook's loss, a scalar; and
        the latents in the codebook's scale, (B, C, H/f, W/f).
        """
        raw = self.encode_raw(x)
        image, loss = self.decode_raw(raw, quantise)
        return image, loss, raw
