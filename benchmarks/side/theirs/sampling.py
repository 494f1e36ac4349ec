"""diffusers' own pipeline (github.com/huggingface/diffusers)."""

from typing import Any

from benchmarks.side.task import Task


def ddim(network: str, schedule: dict[str, Any], count: int, steps: int, seed: int) -> Task:
    """DDIMPipeline with a U-Net from a folder. Its images are NumPy's, in [0, 1]."""
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    scheduler = DDIMScheduler(**schedule, clip_sample=False, timestep_spacing="trailing")
    pipeline = DDIMPipeline(UNet2DModel.from_pretrained(network).eval(), scheduler)
    pipeline.set_progress_bar_config(disable=True)
    options: dict[str, Any] = {"batch_size": count, "num_inference_steps": steps, "output_type": "np", "return_dict": False}
    return Task(lambda: pipeline(generator=torch.Generator().manual_seed(seed), **options)[0])
