"""Latent diffusion's VQ checkpoints as our autoencoder: the key layout of CompVis'
`VQModelInterface`, which ResShift's files have too.

Layout (ldm.modules.diffusionmodules.model): encoder.down.<level>.block.<n>, encoder.mid.{block_1,
attn_1, block_2}, quant_conv, quantize.embedding, post_quant_conv, decoder.mid,
decoder.up.<level>.block.<n>; attention as 1 x 1 convolutions. diffusers' own converter maps all but
the codebook. The network's shape is read off the tensors' shapes: such a file holds no config.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

from clrface.errors import UserError, reading
from clrface.models.autoencoder import Autoencoder
from clrface.models.loading import fill, read_safetensors
from clrface.models.torch_file import read_torch

NORM_GROUPS = 32
"""Of every normalisation in latent diffusion's autoencoders; nothing in a file says it."""
CODEBOOK = "quantize.embedding.weight"
PREFIXES = ("module.", "_orig_mod.", "first_stage_model.")
"""What wrappers put before each key: DistributedDataParallel, torch.compile, a whole latent
diffusion model.
"""
NOT_THE_AUTOENCODERS = ("loss.", "model_ema.")
"""The training's own: the perceptual network and the discriminator, and averages under mangled
names.
"""
ADVICE = "Expected a VQ autoencoder of latent diffusion's layout, such as ResShift's celeba256_vq_f4_dim3_face.pth."

Tensors = dict[str, torch.Tensor]


def read_vq(checkpoint: Path) -> Autoencoder:
    """Read a .pth, .ckpt or .safetensors file as an autoencoder in single precision.

    Its latents are not scaled yet: `latent_mean` is 0 and `latent_std` 1, so E gives raw latents
    until stage `autoencoder` has measured both.

    Raises: UserError for a file that can't be read, that holds more than tensors, or whose keys or
    shapes are another network's.
    """
    official = _stripped(_read(Path(checkpoint)))
    if CODEBOOK not in official:
        raise UserError(f"{checkpoint} has no {CODEBOOK} among {len(official)} tensors: no codebook. {ADVICE}")
    shape = _shape(official, checkpoint)
    levels = {name: [""] * len(shape["channels"]) for name in ("down_block_types", "up_block_types")}
    converted = convert_ldm_vae_checkpoint(dict(official), levels) | {CODEBOOK: official[CODEBOOK]}
    if len(converted) != len(official):
        raise UserError(f"Of {checkpoint}'s {len(official)} tensors {len(converted)} have a place in the autoencoder. {ADVICE}")
    with reading(f"{checkpoint} as an autoencoder of the shape {shape}", ADVICE):
        network = Autoencoder(**shape)
    scale = {key: value for key, value in network.state_dict().items() if key.startswith("latent_")}
    state = scale | {f"vq.{key}": value for key, value in converted.items()}
    return fill(network, state, f"{checkpoint} doesn't fit its own shape {shape}", ADVICE)


def _read(checkpoint: Path) -> Mapping[str, Any]:
    if not checkpoint.is_file():
        raise UserError(f"No file at {checkpoint}. {ADVICE}")
    if checkpoint.suffix == ".safetensors":
        return read_safetensors(checkpoint)
    content = read_torch(checkpoint, ADVICE)
    content = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(content, Mapping):
        raise UserError(f"{checkpoint} holds a {type(content).__name__}, not tensors by name. {ADVICE}")
    return {key: value for key, value in content.items() if isinstance(key, str)}


def _stripped(content: Mapping[str, Any]) -> Tensors:
    """The autoencoder's own tensors under their official names."""
    named: Tensors = {}
    whole = any(key.startswith("first_stage_model.") for key in content)
    for key, value in content.items():
        if whole and not key.startswith("first_stage_model."):
            continue  # a whole latent diffusion model: its prior and its condition are not asked for
        for prefix in PREFIXES:
            key = key.removeprefix(prefix)
        if isinstance(value, torch.Tensor) and not key.startswith(NOT_THE_AUTOENCODERS):
            named[key] = value
    return named


def _shape(official: Tensors, checkpoint: Path) -> dict[str, Any]:
    """The autoencoder's config."""
    levels = {int(found[1]) for key in official if (found := re.match(r"encoder\.down\.(\d+)\.", key))}
    blocks = {int(found[1]) for key in official if (found := re.match(r"encoder\.down\.0\.block\.(\d+)\.", key))}
    try:
        channels = [len(official[f"encoder.down.{level}.block.0.conv1.weight"]) for level in sorted(levels)]
        codes, width = official[CODEBOOK].shape
        latent, inputs = len(official["encoder.conv_out.weight"]), official["encoder.conv_in.weight"].shape[1]
    except KeyError as error:
        raise UserError(f"{checkpoint} has a codebook, but no {error.args[0]}. {ADVICE}") from error
    except (IndexError, TypeError, ValueError) as error:
        raise UserError(f"{checkpoint} has a codebook and convolutions of other dimensions ({error}). {ADVICE}") from error
    if width != latent or inputs != 3:
        found = f"{inputs} channels in, latents of {latent} and codes of {width}"
        raise UserError(f"{checkpoint} has {found}; expected 3 in, and codes as wide as the latents. {ADVICE}")
    shape = {"channels": channels, "layers": len(blocks), "patch": 1, "latent_channels": latent, "codes": codes}
    return shape | {"norm_groups": NORM_GROUPS, "mid_attention": "encoder.mid.attn_1.q.weight" in official}


def import_vq(checkpoint: Path, out: Path) -> dict[str, Any]:
    """Write a checkpoint to the folder `out` as config.json and safetensors, in single precision;
    return the config.

    Stage `autoencoder` starts from such a folder (`start_from`), and measures its latents' mean and
    spread.

    Raises: UserError as `read_vq`, and when `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is there and not empty. Give another folder, or remove it first.")
    network, part = read_vq(checkpoint), out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    network.save_pretrained(part, max_shard_size="2GB")
    shutil.rmtree(out, ignore_errors=True)
    part.replace(out)
    return {key: value for key, value in dict(network.config).items() if not key.startswith("_")}
