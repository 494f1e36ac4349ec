"""The training's stages: which method each network belongs to, and which networks it starts from or
looks through.

Nothing heavy is imported here: the workflow reads it while it builds its graph.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHORT = ("f4_short", "f8_short", "f16_short", "codes256_short")
"""Other latents than CLR-Face's own (`f4`), for the ablation of compression and codebook: an
autoencoder and a prior each.

All trained alike and briefly, so that they compare with one another.
"""
METHOD_OF = {
    "autoencoder": "clrface",
    "decoder": "clrface",
    "irn": "clrface",
    "identity": "clrface",
    "prior": "clrface",
    "refiner": "clrface",
    "mask": "clrface",
    "unet": "unet",
    "unet_perceptual": "unet_perceptual",
    "unet_gan": "unet_gan",
    "codebook_vq": "codebook",
    "codebook": "codebook",
    "pixel_diffusion": "pixel_diffusion",
    **{f"{network}_{latents}": "clrface" for latents in SHORT for network in ("autoencoder", "prior")},
}
NEEDS: dict[str, tuple[str, ...]] = {
    "autoencoder": (),
    "decoder": ("autoencoder",),
    "irn": (),
    "identity": ("autoencoder", "irn"),
    "prior": ("autoencoder", "irn"),
    "refiner": ("decoder", "irn", "prior"),
    "mask": ("decoder", "irn", "identity", "refiner"),
    "unet": (),
    "unet_perceptual": (),
    "unet_gan": (),
    "codebook_vq": (),
    "codebook": ("codebook_vq",),
    "pixel_diffusion": (),
    **{f"autoencoder_{latents}": () for latents in SHORT},
    **{f"prior_{latents}": (f"autoencoder_{latents}", "irn") for latents in SHORT},
}
"""The stages whose networks a stage looks through.

Which one it starts from, its options say: see `needs`.
"""
STARTS = ("start_from", "trunk_from")
"""The options that name a stage, or a folder, of weights to start from."""
SOURCES = ("sface", "stlpips")
"""What the training looks through: entries of clrface/catalogue/sources.yaml."""

GENERATOR = "mobilestylegan"
"""What draws training faces, where the config asks for them."""


def needs(stage: str, options: Mapping[str, Any]) -> list[str]:
    """The stages before one: those that it looks through, and the one that it starts from.

    >>> needs("irn", {"start_from": "unet"}), needs("irn", {"start_from": "models/mine"}), needs("identity", {})
    (['unet'], [], ['autoencoder', 'irn'])
    """
    starts = [options[key] for key in STARTS if options.get(key) in METHOD_OF]
    return list(dict.fromkeys([*NEEDS[stage], *starts]))


def stages_of(method: str, latents: str = "f4") -> list[str]:
    """The stages that make a method's weights; those of other latents only where a row wants them.

    >>> stages_of("clrface", "f8_short")
    ['irn', 'identity', 'autoencoder_f8_short', 'prior_f8_short']
    """
    own = [stage for stage, owner in METHOD_OF.items() if owner == method]
    if latents == "f4":
        return [stage for stage in own if not stage.endswith(SHORT)]
    return [stage for stage in own if stage in ("irn", "identity") or stage.endswith(f"_{latents}")]


def network_folder(models: Path, stage: str, beside: str) -> Path:
    """Where the weights of `stage` lie, seen from `beside`, a stage whose method's folder is
    `models`.

    >>> network_folder(Path("results/train/clrface"), "unet", "irn").as_posix()
    'results/train/unet/unet'
    """
    method = METHOD_OF[stage]
    return models / stage if method == METHOD_OF[beside] else models.parent / method / stage
