"""Measure what a restoration costs: parameters, MACs, network evaluations, seconds and memory, all
methods on one machine in one run.

Each method has a process of its own, so that its memory is measured separately; one of them runs at
a time. The rounds are interleaved (every method once, then again), so that a machine that slows
down meanwhile slows all of them.
"""

import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from tqdm import tqdm

from clrface.errors import UserError
from clrface.registry import make_method
from clrface.seeds import derive_seed
from clrface.tables.costs import Cost
from clrface.trained import seen_by_all
from clrface.weights import weights_folder

STATUS = Path("/proc/self/status")


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


FORMULAS = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
"""FLOPs of the CPU's fused attention, which torch doesn't count by itself. Not fused, it would keep
a matrix of all pairs of positions.
"""


@dataclass(frozen=True)
class Contender:
    """A row of the table of costs to measure."""

    row: str
    """Its id in the table, and `label` its heading."""
    label: str
    method: str
    """The method's name, and `params` what it is made with."""
    family: str
    """The method whose weights it uses (MethodCard.family)."""
    params: dict[str, Any]
    trained_here: bool
    stages: list[tuple[str, str]]
    """(method, stage) of each network that its weights come from, for the cost of training."""


@dataclass(frozen=True)
class Place:
    """What all contenders share: where weights and sources lie, the device, and the images restored
    at once.
    """

    weights: str
    """shipped, fit, a folder, or a Hugging Face id."""
    sources: Path
    device: str
    lq: np.ndarray
    """(N, 3, H, W) float32 RGB in [0, 1]."""


class Counter:
    """Count the calls of torch modules within this context: which parameters take part, and how
    often each outermost module gets an image.
    """

    def __enter__(self) -> "Counter":
        self.depth, self.images, self.owned = 0, {}, {}
        self.hooks = [
            nn.modules.module.register_module_forward_pre_hook(self._before),
            nn.modules.module.register_module_forward_hook(self._after, always_call=True),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _before(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self.depth == 0:
            self.owned |= {id(part): part.numel() for part in module.parameters()}
            batch = next((len(arg) for arg in args if isinstance(arg, torch.Tensor) and arg.ndim), 1)
            self.images[id(module)] = self.images.get(id(module), 0) + batch
        self.depth += 1

    def _after(self, *_: Any) -> None:
        self.depth -= 1

    @property
    def parameters(self) -> int:
        """Return the number of parameters of all outermost modules that were called, each once."""
        return sum(self.owned.values())

    def evaluations(self, images: int) -> float:
        """Return how often the most called outermost module got an image, over `images`."""
        return max(self.images.values(), default=0) / images


def measure_costs(contenders: Sequence[Contender], place: Place, rounds: int) -> list[Cost]:
    """Measure every contender, in the order given; `Cost` has the units.

    Args:
        rounds: how often each is timed, at least 1, after one restoration that isn't.

    Raises: UserError for a method that fails, with its own error, or whose process dies.
    """
    processes = [_Process(contender, place) for contender in contenders]
    try:
        for process in tqdm(processes, desc="warming up", unit="method"):
            process.ask("warm")
        seconds: list[list[float]] = [[] for _ in processes]
        for _ in tqdm(range(rounds), desc="timing", unit="round"):
            for times, process in zip(seconds, processes, strict=True):
                times.append(process.ask("time"))
        peaks = [process.ask("peak") for process in processes]
        counts = [process.ask("count") for process in tqdm(processes, desc="counting", unit="method")]  # last: it takes memory of its own
    finally:
        for process in processes:
            process.end()
    measured = zip(contenders, counts, seconds, peaks, strict=True)
    return [_cost(contender, place, count, times, peak) for contender, count, times, peak in measured]


def _cost(contender: Contender, place: Place, count: Mapping[str, Any], times: Sequence[float], peak: int) -> Cost:
    folders = [weights_folder(place.weights, method) / stage for method, stage in contender.stages]
    spent = seen_by_all(folder for folder in folders if folder.is_dir())  # a refiner need not be there
    return Cost(
        method=contender.row,
        label=contender.label,
        **count,
        seconds=statistics.median(times),
        seconds_lo=min(times),
        seconds_hi=max(times),
        peak_bytes=peak,
        training_steps=spent and spent.steps,
        training_images=spent and spent.images,
        training_processor_s=spent and spent.processor_s,
    )


class _Process:
    """A contender in its own process, which answers one question at a time."""

    def __init__(self, contender: Contender, place: Place):
        context = multiprocessing.get_context("spawn")
        self.contender = contender
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_answer, args=(other, contender, place), daemon=True)
        self.process.start()
        other.close()

    def ask(self, question: str) -> Any:
        self.pipe.send(question)
        try:
            answer = self.pipe.recv()
        except EOFError:
            answer = "its process died; is there enough memory?"
        if isinstance(answer, str):
            raise UserError(f"The cost of '{self.contender.row}' can't be measured: {answer}")
        return answer

    def end(self) -> None:
        self.process.terminate()
        self.process.join()


def _answer(pipe: Connection, contender: Contender, place: Place) -> None:
    """The process: load the method at the first question, then answer each; an error is answered as
    text.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    seeds = [derive_seed(0, "cost", str(index)) for index in range(len(place.lq))]
    lq, method = torch.from_numpy(place.lq), None
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            method = method or _load(contender, place)
            pipe.send({"warm": _warm, "time": _time, "peak": _peak, "count": _count}[question](method, lq, seeds, place.device))
        except Exception as error:  # whatever a method raises is the parent's to tell
            pipe.send(f"{type(error).__name__}: {error}")


def _load(contender: Contender, place: Place) -> Any:
    method = make_method(contender.method, contender.params)
    weights = weights_folder(place.weights, contender.family) if contender.trained_here else None
    method.load(weights, place.device, place.sources)
    return method


def _warm(method: Any, lq: torch.Tensor, seeds: list[int], device: str) -> bool:
    """The same images once before, so that nothing is loaded, compiled or allocated while the clock
    runs.
    """
    method.restore(lq, seeds)
    _wait(device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    return True


def _time(method: Any, lq: torch.Tensor, seeds: list[int], device: str) -> float:
    """Seconds an image."""
    _wait(device)
    started = time.perf_counter()
    method.restore(lq, seeds)
    _wait(device)
    return (time.perf_counter() - started) / len(lq)


def _peak(method: Any, lq: torch.Tensor, seeds: list[int], device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if STATUS.is_file():  # getrusage's peak outlives exec: it may be the parent's
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _count(method: Any, lq: torch.Tensor, seeds: list[int], device: str) -> dict[str, Any]:
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a transformer layer fused into one kernel can't be counted
    try:
        with FlopCounterMode(display=False, custom_mapping=FORMULAS) as flops, Counter() as counter:
            method.restore(lq, seeds)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    macs = round(flops.get_total_flops() / 2 / len(lq)) or None
    return {"parameters": counter.parameters, "macs": macs, "evaluations": round(counter.evaluations(len(lq)), 2)}


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
