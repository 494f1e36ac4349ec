"""The training loop of all stages: accelerate, averaged weights, checkpoints, exact resume, logs.

On a CPU, a run that is killed and restarted has exactly the losses of an unbroken run. Data and
noise are named by the step (clrface.training.data), and a checkpoint holds the weights, their
average, the optimisers and the step.

AdamW with betas 0.9 and 0.99 and weight decay 1e-4; the gradient's norm is clipped to 1. The kept
weights are the exponential moving average's, whose decay rises to `ema_decay`.
"""

import hashlib
import json
import math
import shutil
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import ModelMixin
from diffusers.training_utils import EMAModel
from filelock import FileLock, Timeout
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from clrface.degradation.draw import Degradation
from clrface.errors import UserError
from clrface.files import atomic_path, read_lines, sha256_file, write_text
from clrface.images import to_bytes
from clrface.models.torch_file import read_torch
from clrface.stages import METHOD_OF, STARTS, needs, network_folder
from clrface.trained import RECORD, read_record
from clrface.training.data import Batch, Faces, Pairs, Steps, faces_digest, fixed_batch, loader
from clrface.training.stage import Scalars, Stage, StageSpec

GRADIENT_NORM = 1.0
FINISH_BATCHES = 16
LOSSES = "losses.jsonl"


class Run:
    """One stage's training. `folder` gets the weights at the end; until then its state, losses and
    sample sheets lie beside it, in `<folder>.work`.

    Args:
        key: the run's checksum, by `run_key`: only a checkpoint with the same one is resumed.
    """

    def __init__(self, stage: Stage, spec: StageSpec, accelerator: Accelerator, folder: Path, key: str):
        self.stage, self.spec, self.accelerator = stage, spec, accelerator
        self.folder, self.work = folder, folder.with_name(folder.name + ".work")
        self.faces = 0
        """How many it trains on."""
        self.resolution = 0
        """Their side in pixels."""
        self.step, self.key = 0, key
        self.processor_before_s = -time.process_time()
        """Seconds of earlier calls of this run, less those of this process before the run."""
        for network in stage.networks().values():
            network.to(accelerator.device)
        if spec.gradient_checkpointing:
            _checkpoint_gradients(stage)
        self.optimisers = {
            name: torch.optim.AdamW(network.parameters(), lr=spec.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
            for name, network in stage.networks().items()
        }
        self.ema = EMAModel(stage.main.parameters(), decay=spec.ema_decay, use_ema_warmup=True, power=0.75)
        self.ema.to(accelerator.device)
        stage.shadow = self._shadow
        stage.call = {name: accelerator.prepare(network) for name, network in stage.networks().items()}

    def _shadow(self, parameter: torch.Tensor) -> torch.Tensor:
        """Return the average of one of the main network's parameters."""
        place = next(place for place, other in enumerate(self.stage.main.parameters()) if other is parameter)
        return self.ema.shadow_params[place]

    @property
    def processor_s(self) -> float:
        """Return the run's CPU time in seconds, over every call; of the training process alone,
        without the workers that draw degradations.
        """
        return self.processor_before_s + time.process_time()

    def advance(self, batch: Batch) -> dict[str, float]:
        """Run one step: every turn's loss, gradient and update. Return the losses by name.

        Raises: UserError for a loss that is not finite.
        """
        scalars: dict[str, float] = {}
        with self.accelerator.autocast():
            self.stage.before_step(batch, self.step)
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self.spec.learning_rate * schedule(self.step, self.spec)
            with self.accelerator.autocast():
                loss, parts = self.stage.loss(name, batch, self.step)
            scalars |= parts
            if loss is None:
                continue
            if not torch.isfinite(loss):
                raise UserError(
                    f"The loss of stage {self.spec.name} is {loss.item()} at step {self.step}. "
                    "Lower its learning rate in the config and run again. The rate belongs to a run, so the stage starts again; "
                    "this run's checkpoint and losses are kept beside, as `*.other.*`."
                )
            optimiser.zero_grad(set_to_none=True)
            self.accelerator.backward(loss)
            torch.nn.utils.clip_grad_norm_(self.stage.networks()[name].parameters(), GRADIENT_NORM)
            optimiser.step()
        self.ema.step(self.stage.main.parameters())
        self.stage.after_step(batch, self.step)
        self.step += 1
        return scalars

    def save_checkpoint(self) -> None:
        """Write the whole state beside the last checkpoint, then replace that."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "key": self.key,
            "processor_s": self.processor_s,
            "ema": self.ema.state_dict(),
            "networks": {name: network.state_dict() for name, network in self.stage.networks().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }
        with atomic_path(self.checkpoint) as part:
            torch.save(state, part)

    @property
    def checkpoint(self) -> Path:
        """Return the path of the state, which is removed when the stage is done."""
        return self.work / "checkpoint.pt"

    def _read_checkpoint(self) -> Any:
        advice = "It is damaged: put a good copy in its place; or remove it, and the stage starts again."
        return read_torch(self.checkpoint, advice, self.accelerator.device, "checkpoint")

    def load_checkpoint(self) -> bool:
        """Resume from the last checkpoint of this run (`run_key`), and return whether there was
        one. One of another run is renamed to checkpoint.other.pt.

        Raises: UserError for a damaged checkpoint.
        """
        if not self.checkpoint.is_file():
            return False
        state = self._read_checkpoint()
        if not isinstance(state, dict) or state.get("key") != self.key:
            aside = _put_aside(self.checkpoint)
            print(f"Starting again: the checkpoint is of other settings, data or networks. It is kept as {aside}.", file=sys.stderr)
            return False
        for name, network in self.stage.networks().items():
            network.load_state_dict(state["networks"][name])
            self.optimisers[name].load_state_dict(state["optimisers"][name])
        self.ema.load_state_dict(state["ema"])
        self.ema.to(self.accelerator.device)
        self.step = state["step"]
        self.processor_before_s += state.get("processor_s", 0.0)
        return True


def _put_aside(path: Path) -> Path:
    """Rename `losses.jsonl` to `losses.other.jsonl`, and replace an earlier one."""
    return path.replace(path.with_name(f"{path.stem}.other{path.suffix}"))


def _checkpoint_gradients(stage: Stage) -> None:
    """Use gradient checkpointing in every network that can. Raises: UserError when none can."""
    able = [part for part in stage.differentiated() if isinstance(part, ModelMixin) and part._supports_gradient_checkpointing]
    if not able:
        raise UserError(
            f"Stage {stage.spec.name} has no network whose layers could be computed again. Take its `gradient_checkpointing` out."
        )
    for network in able:
        network.enable_gradient_checkpointing()


def run_key(spec: StageSpec, degradation: Degradation, seed: int, digest: str, models: Path) -> str:
    """Return a checksum of all that a stage's weights depend on: a checkpoint needs the same one to
    resume.

    How often to log, sample and save, and how to save memory, is left out.

    Args:
        seed: the training's.
        digest: the faces', by `faces_digest`.
        models: the folder of the stages trained before; this stage's own files there are ignored.
    """
    quiet = {"checkpoint_every", "sample_every", "log_every", "gradient_checkpointing"}
    settings = {key: value for key, value in asdict(spec).items() if key not in quiet}
    starts = [start for option in STARTS if (start := spec.options.get(option))]
    folders = [network_folder(models, name, beside=spec.name) for name in needs(spec.name, spec.options)]
    folders += [Path(start) for start in starts if start not in METHOD_OF]
    before = [sha256_file(path) for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    told = json.dumps([settings, asdict(degradation), seed, before], sort_keys=True, default=list).encode()
    return hashlib.sha256(told + bytes.fromhex(digest)).hexdigest()


def schedule(step: int, spec: StageSpec) -> float:
    """Return the learning rate's factor at `step` (from 0), in (0, 1]: linear warm-up, constant,
    cosine to 5 % over the last 40 % of the steps.
    """
    warm = min(1.0, (step + 1) / max(1, spec.warmup))
    decay_from = 0.6 * spec.steps
    if step < decay_from:
        return warm
    share = min(1.0, (step - decay_from) / max(1.0, spec.steps - decay_from))
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))


def train(
    stage: Stage,
    spec: StageSpec,
    accelerator: Accelerator,
    folder: Path,
    faces: Faces,
    val_faces: Faces,
    degradation: Degradation,
    seed: int,
    workers: int,
) -> None:
    """Run `stage` to its end, from its last checkpoint if there is one, and write its weights and
    training.json to `folder`.

    Args:
        faces, val_faces: to train on; for sample sheets and validation.
        seed: of the samples; see clrface.training.data.
        workers: processes that draw samples; 0 draws them in this one.

    Raises: UserError when another process trains this stage in this folder, for a loss that is not
    finite, for a damaged checkpoint, and for gradient checkpointing that no network supports.
    """
    digest = faces_digest(faces)
    run = Run(stage, spec, accelerator, folder, run_key(spec, degradation, seed, digest, stage.models))
    run.faces, run.resolution = len(faces), faces[0].shape[0]
    if accelerator.is_main_process:
        run.work.mkdir(parents=True, exist_ok=True)
    alone = FileLock(run.work / ".lock") if accelerator.is_main_process else nullcontext()
    try:
        with alone.acquire(timeout=0) if isinstance(alone, FileLock) else alone:
            latents = stage.latents(faces, digest, degradation, run.work / "latents", accelerator.process_index, accelerator.num_processes)
            accelerator.wait_for_everyone()
            _train(run, Pairs(faces, degradation, seed, grey_probability=spec.grey_probability, latents=latents), val_faces, workers)
    except Timeout:
        raise UserError(
            f"Another process trains stage {spec.name} in {run.work}. Wait for it, or stop it; then run the same command again."
        ) from None


def _train(run: Run, pairs: Pairs, val_faces: Faces, workers: int) -> None:
    stage, spec, accelerator = run.stage, run.spec, run.accelerator
    resumed = run.load_checkpoint()
    main = accelerator.is_main_process
    steps = Steps(run.step, spec.steps, spec.batch, accelerator.process_index, accelerator.num_processes)
    batches = loader(pairs, steps, workers)
    look = _to(fixed_batch(val_faces, pairs.degradation, pairs.seed, 8, spec.grey_probability), accelerator.device)
    if main and not resumed and (run.work / LOSSES).is_file():
        _put_aside(run.work / LOSSES)  # of another run: its curve may be wanted
    if main:
        _forget_after(run.work / LOSSES, run.step)
    writer = SummaryWriter(str(run.work / "tensorboard"), purge_step=run.step) if main else None
    bar = tqdm(
        batches, desc=f"{spec.name}{' (resumed)' if resumed else ''}", unit="step", initial=run.step, total=spec.steps, disable=not main
    )
    for batch in bar:
        scalars = run.advance(_to(batch, accelerator.device))
        bar.set_postfix(
            {key: f"{value:.4f}" for key, value in scalars.items()} | {"images/s": f"{spec.batch * (bar.format_dict['rate'] or 0):.0f}"},
            refresh=False,
        )
        if run.step % spec.log_every == 0:
            scalars = _mean_of_processes(scalars, accelerator)
            if writer:
                _log(writer, run.work / LOSSES, scalars, run.step)
        if run.step % spec.checkpoint_every == 0:
            run.save_checkpoint()
        if writer and run.step % spec.sample_every == 0:
            with averaged(run):
                _write_sheet(stage.sheet(look), stage.columns, run.work / f"sheet_{run.step:06d}.png", writer, run.step)
                _, validation = stage.loss("main", look, run.step)
            _log(writer, run.work / LOSSES, {f"val_{key}": value for key, value in validation.items()}, run.step)
    run.save_checkpoint()
    if main:
        _finish(run, pairs, look, writer)
    accelerator.wait_for_everyone()


class averaged:
    """Give the stage's main network the averaged weights, in evaluation mode and without gradients,
    within this context.
    """

    def __init__(self, run: Run):
        self.run, self.no_grad = run, torch.no_grad()

    def __enter__(self) -> None:
        self.run.ema.store(self.run.stage.main.parameters())
        self.run.ema.copy_to(self.run.stage.main.parameters())
        self.run.stage.main.eval()
        self.no_grad.__enter__()

    def __exit__(self, *error: object) -> None:
        self.no_grad.__exit__(*error)
        self.run.ema.restore(self.run.stage.main.parameters())
        self.run.stage.main.train()


def _finish(run: Run, trained_on: Pairs, look: Batch, writer: SummaryWriter | None) -> None:
    run.ema.copy_to(run.stage.main.parameters())
    run.stage.main.eval()
    pairs = Pairs(trained_on.faces, trained_on.degradation, trained_on.seed + 1, grey_probability=run.spec.grey_probability)
    batches = loader(pairs, Steps(0, FINISH_BATCHES, run.spec.batch), 0)
    with torch.no_grad():
        run.stage.finish([_to(batch, run.accelerator.device) for batch in batches])
        _write_sheet(run.stage.sheet(look), run.stage.columns, run.work / "sheet_final.png", writer, run.step)
    part = run.folder.with_name(run.folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    run.stage.save(part)
    write_text(
        part / RECORD,
        json.dumps(_record(run, trained_on.seed), indent=2) + "\n",
    )
    shutil.rmtree(run.folder, ignore_errors=True)
    part.replace(run.folder)
    run.checkpoint.unlink()  # another run of this stage, for any reason, starts from the beginning


def _record(run: Run, seed: int) -> dict[str, Any]:
    """Return the content of the stage's training.json."""
    seen = {"steps": run.step, "batch": run.spec.batch, "seed": seed}
    trained_on = {"faces": run.faces, "resolution": run.resolution, "template": run.spec.template}
    record = {"stage": run.spec.name, **seen, "processor_s": round(run.processor_s, 1), **trained_on}
    start = run.spec.options.get("start_from") or run.spec.options.get("trunk_from") or ""
    before = read_record(Path(start)) if start and start not in METHOD_OF else None  # another stage has a record of its own
    return record | ({"start": before} if before else {})


def _to(batch: Batch, device: torch.device) -> Batch:
    return {key: value if key == "seed" else value.to(device, non_blocking=True) for key, value in batch.items()}


def _mean_of_processes(scalars: Scalars, accelerator: Accelerator) -> Scalars:
    """Return the mean of all processes' scalars, since each sees its share of the batch.

    A loss of a part of a batch takes that part of each share.
    """
    if accelerator.num_processes == 1:
        return scalars
    values: Any = accelerator.reduce(torch.tensor(list(scalars.values()), device=accelerator.device), "mean")
    return dict(zip(scalars, values.tolist(), strict=True))


def _log(writer: SummaryWriter, path: Path, scalars: dict[str, float], step: int) -> None:
    for key, value in scalars.items():
        writer.add_scalar(key, value, step)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"step": step, **scalars}) + "\n")


def _forget_after(path: Path, step: int) -> None:
    """Drop the lines after the checkpoint that a run resumes from, since they will be written
    again.
    """
    if path.is_file():
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in read_lines(path) if entry["step"] <= step))


def _write_sheet(images: torch.Tensor, columns: int, path: Path, writer: SummaryWriter | None, step: int) -> None:
    """Write (N, 3, H, W) as a grid with `columns` images a row."""
    pixels = to_bytes(images.float().cpu().numpy())
    rows = [np.concatenate(list(pixels[start : start + columns]), axis=1) for start in range(0, len(pixels), columns)]
    sheet = np.concatenate(rows, axis=0)
    Image.fromarray(sheet).save(path)
    if writer:
        writer.add_image("samples", sheet, step, dataformats="HWC")
