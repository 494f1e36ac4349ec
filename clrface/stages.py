"""The training's stages: which method each network belongs to, and which networks it starts from or looks through.

Nothing heavy is imported here: the workflow reads it while it builds its graph.
"""

from pathlib import Path

METHOD_OF = {
    "autoencoder": "clrface",
    "decoder": "clrface",
    "irn": "clrface",
    "identity": "clrface",
    "prior": "clrface",
    "mask": "clrface",
    "unet": "unet",
    "unet_perceptual": "unet_perceptual",
    "unet_gan": "unet_gan",
    "codebook_vq": "codebook",
    "codebook": "codebook",
    "pixel_diffusion": "pixel_diffusion",
}
NEEDS = {
    "autoencoder": (),
    "decoder": ("autoencoder",),
    "irn": ("unet_gan",),
    "identity": ("autoencoder", "irn"),
    "prior": ("autoencoder", "irn"),
    "mask": ("decoder", "irn", "identity", "prior"),
    "unet": (),
    "unet_perceptual": ("unet",),
    "unet_gan": ("unet_perceptual",),
    "codebook_vq": (),
    "codebook": ("codebook_vq",),
    "pixel_diffusion": (),
}


def stages_of(method: str) -> list[str]:
    """The stages that make a method's weights."""
    return [stage for stage, owner in METHOD_OF.items() if owner == method]


def network_folder(models: Path, stage: str, beside: str) -> Path:
    """Where the weights of `stage` lie, seen from `beside`, a stage whose method's folder is `models`.

    >>> network_folder(Path("results/train/clrface"), "unet", "irn").as_posix()
    'results/train/unet/unet'
    """
    method = METHOD_OF[stage]
    return models / stage if method == METHOD_OF[beside] else models.parent / method / stage
