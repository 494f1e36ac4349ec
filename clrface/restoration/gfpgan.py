"""GFPGAN with its authors' weights (Wang et al., CVPR 2021): what its three released versions
share.
"""

from typing import Any

import torch

from clrface.noise import normal
from clrface.restoration.official import OfficialRestorer


class GfpganRestorer(OfficialRestorer):
    """GFPGAN, (B, 3, 512, 512), whose StyleGAN2 decoder adds noise behind every layer.

    The authors draw new noise at each call; here an image's seed determines it.
    """

    def make_network(self) -> Any:
        from spandrel.architectures.GFPGAN import GFPGAN

        return GFPGAN(
            out_size=512,
            num_style_feat=512,
            channel_multiplier=2,
            decoder_load_path=None,
            fix_decoder=False,
            num_mlp=8,
            input_is_latent=True,
            different_w=True,
            narrow=1,
            sft_half=True,
        )

    def run(self, x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        decoder = self.network.stylegan_decoder
        layers = [decoder.style_conv1, *decoder.style_convs]
        shapes = [tuple(getattr(decoder.noises, f"noise{place}").shape[1:]) for place in range(len(layers))]
        hooks = [
            layer.register_forward_pre_hook(_Noise(seeds, shape, place), with_kwargs=True)
            for place, (layer, shape) in enumerate(zip(layers, shapes, strict=True))
        ]
        try:
            return self.network(x, return_rgb=False)[0]
        finally:
            for hook in hooks:
                hook.remove()


class _Noise:
    """Give a layer its images' own noise in place of newly drawn noise."""

    def __init__(self, seeds: list[int], shape: tuple[int, ...], place: int):
        self.seeds, self.shape, self.place = seeds, shape, place

    def __call__(
        self, layer: Any, args: tuple[torch.Tensor, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[torch.Tensor, ...], dict[str, Any]]:
        noise = normal(self.seeds, self.shape, f"gfpgan noise {self.place}").to(args[0])
        return args, kwargs | {"noise": noise}
