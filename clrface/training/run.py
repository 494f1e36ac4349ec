"""Start one stage: read its faces, make its networks, run the loop."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs

from clrface.degradation.draw import Degradation
from clrface.device import pick_device
from clrface.errors import unknown_name
from clrface.stages import SHORT
from clrface.training.autoencoder import AutoencoderStage
from clrface.training.codes import CodesStage
from clrface.training.data import TrainingSet, load_faces
from clrface.training.decoder import DecoderStage
from clrface.training.identity import IdentityStage
from clrface.training.loop import train
from clrface.training.mask import MaskStage
from clrface.training.pixel_diffusion import PixelDiffusionStage
from clrface.training.prior import PriorStage
from clrface.training.refiner import RefinerStage
from clrface.training.restoration import RestorationStage
from clrface.training.stage import Stage, StageSpec

STAGES: dict[str, Callable[..., Stage]] = {
    "autoencoder": AutoencoderStage,
    "decoder": DecoderStage,
    "irn": RestorationStage,
    "identity": IdentityStage,
    "prior": PriorStage,
    "refiner": RefinerStage,
    "mask": MaskStage,
    "unet": RestorationStage,
    "unet_perceptual": RestorationStage,
    "unet_gan": RestorationStage,
    "codebook_vq": AutoencoderStage,
    "codebook": CodesStage,
    "pixel_diffusion": PixelDiffusionStage,
    **{f"autoencoder_{latents}": AutoencoderStage for latents in SHORT},
    **{f"prior_{latents}": PriorStage for latents in SHORT},
}


def train_stage(
    spec: StageSpec,
    sets: Sequence[TrainingSet],
    sources: Path,
    models: Path,
    out: Path,
    degradation: Degradation,
    seed: int,
    workers: int,
    precision: str,
    device: str,
    compiled: bool = False,
) -> None:
    """Train the stage that `spec` names on the `train` faces of all sets; its weights go to `out`.

    Args:
        sources: the folder of fetched sources (data/raw).
        models: the folder with the stages trained before this one, by name.
        seed: of the first weights and of every sample.
        workers: processes that draw samples; 0 draws them in this one.
        precision: fp32, or bf16: accelerate's mixed precision.
        compiled: run the networks through torch.compile, by accelerate.
        device: auto, cpu, cuda or mps; several devices come through `python -m
            torch.distributed.run`.

    Raises: UserError for an unknown stage, a device that isn't there, faces, sources or earlier
    stages that are missing, and what `train` raises.
    """
    if spec.name not in STAGES:
        raise unknown_name("training stage", spec.name, STAGES)
    pick_device(device)
    accelerator = Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        cpu=device == "cpu",
        dynamo_backend="inductor" if compiled else None,
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],  # codes have no gradient before they are used
    )
    train_faces, val_faces = load_faces(sets, "train"), load_faces(sets, "val")
    torch.manual_seed(seed)  # the networks' first weights; nothing after them draws from global state
    stage = STAGES[spec.name](spec, sources, models, accelerator.device)
    train(stage, spec, accelerator, out, train_faces, val_faces, degradation, seed, workers)
