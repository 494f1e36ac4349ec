"""CLR-Face beside pixel diffusion at 512x512, in the sizes of config/paper_training.yaml, with random weights: memory and time.

python benchmarks/paper_size.py                                  # a few steps on whatever there is, the rest extrapolated and said so
python benchmarks/paper_size.py --steps 8 --pixel-steps 100      # whole restorations, for a GPU
python benchmarks/paper_size.py --only prior pixel_diffusion_train --checkpointing off

One image, or a training step of one image, each in a process of its own (so that memory is its own), one after the other in this run.
Multiply-accumulates are counted without computing anything. `whole`: seconds for all steps of the config's restoration, by
what was measured plus the missing evaluations at the measured time of one. In the workflow CLR-Face always sees four images at once
(clrface.restoration.pipeline.GROUP); here one, unless --group says otherwise.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

CONFIGS = ("config/paper_training.yaml",)
CONTENDERS = ("pixel_diffusion", "pixel_diffusion_train", "prior", "clrface_unguided", "clrface")
HEADER = ("", "seconds", "processor s", "of one evaluation", "evaluations", "whole, s", "peak, GiB")


def main() -> None:
    """Print the counts, then one line a contender as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--steps", type=int, default=1, help="CLR-Face's steps; the config has 8")
    parser.add_argument("--pixel-steps", type=int, default=1, help="pixel diffusion's, behind its first estimate; the config has 100")
    parser.add_argument("--group", type=int, default=1, help="images at once")
    parser.add_argument("--checkpointing", choices=("on", "off"), default="on", help="of the training steps")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of the training steps")
    parser.add_argument("--resolution", type=int, default=512)
    parser.add_argument("--config", nargs="+", default=CONFIGS)
    options = parser.parse_args()
    print_counts(options)
    print("\n" + " | ".join(HEADER))
    for name in options.only:
        print(" | ".join([name, *map(str, in_own_process(name, options))]), flush=True)


# ---- what is compared


def stages(options: argparse.Namespace) -> dict[str, Any]:
    """The config's training stages."""
    from clrface.config.load import load_config

    return load_config([Path(path) for path in options.config])["training"]["stages"]


def networks(shape: dict[str, Any]) -> dict[str, Any]:
    """The networks by stage, at random."""
    from clrface.models.autoencoder import Autoencoder
    from clrface.models.unet import RestorationUNet, latent_unet

    channels = shape["autoencoder"]["network"]["latent_channels"]
    return {
        "autoencoder": Autoencoder(**shape["autoencoder"]["network"]),
        "irn": RestorationUNet(**shape["irn"]["network"]),
        "prior": latent_unet(3 * channels, channels, **shape["prior"]["network"]),
        "pixel_diffusion": latent_unet(6, 3, **shape["pixel_diffusion"]["network"]),
    }


def print_counts(options: argparse.Namespace) -> None:
    """Parameters, and multiply-accumulates of one image; on torch's `meta` device, which knows shapes alone."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), torch.no_grad():
        made, size = networks(stages(options)), options.resolution
        latent = size // made["autoencoder"].compression
        image, z = torch.empty(1, 3, size, size), torch.empty(1, made["autoencoder"].config["latent_channels"], latent, latent)
        passes: dict[str, tuple[str, Callable[[], Any]]] = {
            "encoder": ("autoencoder", lambda: made["autoencoder"].encode(image)),
            "decoder": ("autoencoder", lambda: made["autoencoder"].decode_raw(z, quantise=False)),
            "decoder and its gradient": ("autoencoder", lambda: gradient(made["autoencoder"], z)),
            "IRN": ("irn", lambda: made["irn"](image)),
            "prior": ("prior", lambda: made["prior"](torch.cat([z, z, z], 1), 5)),
            "pixel diffusion": ("pixel_diffusion", lambda: made["pixel_diffusion"](torch.cat([image, image], 1), 5)),
        }
        print(f"{size}x{size}, latents {latent}x{latent}\n\none pass | parameters of the network, M | MACs, G")
        for name, (network, run) in passes.items():
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as flops:
                run()
            count = sum(part.numel() for part in made[network].parameters())
            print(f"{name} | {count / 1e6:.1f} | {flops.get_total_flops() / 2e9:.0f}", flush=True)


def gradient(autoencoder: Any, z: Any) -> Any:
    """What guidance asks of the decoder: an image, and its gradient by the latents; none by the weights."""
    import torch

    autoencoder.requires_grad_(False)
    with torch.enable_grad():
        z = z.clone().requires_grad_(True) * 1  # no leaf: torch's counter can't be asked for a leaf's gradient
        return torch.autograd.grad(autoencoder.decode_raw(z, quantise=False)[0].sum(), z)


# ---- measuring


def in_own_process(name: str, options: argparse.Namespace) -> list[Any]:
    """A contender's figures, in the order of HEADER."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(theirs, name, options))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return ["died: too little memory?"]
    finally:
        process.join()


def _measure(pipe: Any, name: str, options: argparse.Namespace) -> None:
    import os

    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        made = networks(stages(options))
        evaluated = made["pixel_diffusion" if name.startswith("pixel") else "prior"]
        if name in ("prior", "pixel_diffusion_train"):
            run, missing = training_step(name.removesuffix("_train"), made, options, device, Path(folder)), 0
        else:
            run, missing = restoration(name, made, options, device)
        made.clear()
        times = Clock(evaluated, device)
        if device == "cuda":
            run()  # the first pass looks for kernels
            torch.cuda.reset_peak_memory_stats()
            times.evaluations.clear()
        wall, processor = times.now(), time.process_time()
        run()
        wall, processor = times.now() - wall, time.process_time() - processor
    once = sum(times.evaluations) / len(times.evaluations)
    whole = "" if name in ("prior", "pixel_diffusion_train") else f"{wall + missing * once:.1f}{' (extrapolated)' if missing else ''}"
    gib = (torch.cuda.max_memory_allocated() if device == "cuda" else _resident_peak()) / 2**30
    processor_text = f"{processor:.1f}" if device == "cpu" else ""
    pipe.send([f"{wall:.1f}", processor_text, f"{once:.2f}", len(times.evaluations), whole, f"{gib:.2f}"])


class Clock:
    """Seconds of each forward pass of one network."""

    def __init__(self, network: Any, device: str):
        self.device, self.evaluations, self.started = device, [], 0.0
        network.register_forward_pre_hook(self._before)
        network.register_forward_hook(self._after)

    def now(self) -> float:
        import torch

        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _before(self, *_: Any) -> None:
        self.started = self.now()

    def _after(self, *_: Any) -> None:
        self.evaluations.append(self.now() - self.started)


def _resident_peak() -> int:
    """Bytes: the most that this process ever had in memory."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


# ---- what is run


def restoration(name: str, made: dict[str, Any], options: argparse.Namespace, device: str) -> tuple[Callable[[], Any], int]:
    """A restoration of `group` images, and how many evaluations of its network the config's own number of steps has more."""
    import torch

    from clrface.models.identity import IdentityHead
    from clrface.models.loading import move
    from clrface.models.mask import LatentMask
    from clrface.models.pixel_diffusion import PixelSampler
    from clrface.models.recogniser import SFace
    from clrface.restoration import pipeline

    lq = torch.rand(options.group, 3, options.resolution, options.resolution, generator=torch.Generator().manual_seed(0)).to(device)
    seeds = list(range(options.group))
    for network in made.values():
        network.to(device).eval().requires_grad_(False)
    if name == "pixel_diffusion":
        sampler = PixelSampler(made["pixel_diffusion"], steps=options.pixel_steps)
        return lambda: sampler.restore(lq, seeds), 100 - options.pixel_steps
    pipeline.GROUP = options.group
    recogniser = SFace(Path("data/raw")).to(device)
    head = move(IdentityHead(recogniser.channels), device)
    mask = move(LatentMask(made["autoencoder"].config["latent_channels"], **stages(options)["mask"]["network"]), device)
    clrface = pipeline.CLRFace(made["autoencoder"], made["irn"], head, made["prior"], mask)
    settings = pipeline.Settings(steps=options.steps, t0=0.1, guidance_every=4)
    settings = replace(settings, guidance="none") if name == "clrface_unguided" else settings
    return lambda: clrface.restore(lq, seeds, settings, recogniser), 8 - options.steps


def training_step(name: str, made: dict[str, Any], options: argparse.Namespace, device: str, folder: Path) -> Callable[[], Any]:
    """One step of a stage as the loop takes it, on `group` images; the prior's with kept latents, as the config has it."""
    import torch
    from accelerate import Accelerator

    from clrface.config.parts import completed
    from clrface.config.stages import Stage
    from clrface.training.loop import Run
    from clrface.training.run import STAGES
    from clrface.training.stage import StageSpec

    shape, size = stages(options)[name], options.resolution
    for before in ("autoencoder", "irn"):
        made[before].save_pretrained(folder / before)
    spec = StageSpec(name, **completed(Stage, shape) | {"batch": options.group, "gradient_checkpointing": options.checkpointing == "on"})
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no" if options.precision == "fp32" else options.precision)
    stage = STAGES[name](spec, Path("data/raw"), folder, torch.device(device))
    stage.main = made[name]
    generator = torch.Generator().manual_seed(0)
    batch = {key: torch.rand(options.group, 3, size, size, generator=generator).to(device) for key in ("hq", "lq")}
    batch["seed"] = torch.arange(options.group)
    if name == "prior":
        side = size // made["autoencoder"].compression
        batch["latent"] = torch.randn(options.group, made["autoencoder"].config["latent_channels"], side, side, generator=generator).to(
            device
        )
    run = Run(stage, spec, accelerator, folder / name, "key")
    return lambda: run.advance(batch)


if __name__ == "__main__":
    main()
