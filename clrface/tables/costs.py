"""Write the table of costs (`table6`): CSV at full precision, JSON with the machine, Markdown and
TeX.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from clrface.files import write_text
from clrface.tables.formats import DASH, tex_escape, tex_table, to_json
from clrface.tables.provenance import code_version, environment, processor


@dataclass(frozen=True)
class Cost:
    """A row's cost, per image except for the parameters, the memory and the training.

    `parameters`: of all networks that a restoration calls. `macs`: multiply-accumulates of their
    convolutions, matrix products and attention, including gradients; a codebook's look-up is left
    out. None for a method without networks. `evaluations`: how often its most called network sees
    the image. `seconds`: wall time, the median over the rounds, with the least and the most.
    `peak_bytes`: the process's peak resident memory; on a GPU, the peak that torch allocated there.
    `training_*`: what the weights have seen by their records (clrface.trained), with all that they
    started from. These are optimiser steps, images, and seconds of CPU time; None without a record.
    """

    method: str
    label: str
    parameters: int
    macs: int | None
    evaluations: float
    seconds: float
    seconds_lo: float
    seconds_hi: float
    peak_bytes: int
    training_steps: int | None
    training_images: int | None
    training_processor_s: float | None


COLUMNS: dict[str, Callable[[Cost], str]] = {
    "Parameters, M": lambda cost: f"{cost.parameters / 1e6:.2f}",
    "MACs, G": lambda cost: DASH if cost.macs is None else f"{cost.macs / 1e9:.2f}",
    "Evaluations": lambda cost: f"{cost.evaluations:g}",
    "ms an image": lambda cost: f"{1000 * cost.seconds:.1f}",
    "Memory, MiB": lambda cost: f"{cost.peak_bytes / 2**20:.0f}",
    "Training steps": lambda cost: f"{cost.training_steps:,}" if cost.training_steps else DASH,
    "Samples seen": lambda cost: f"{cost.training_images:,}" if cost.training_images else DASH,
    "Training, min": lambda cost: f"{cost.training_processor_s / 60:.0f}" if cost.training_processor_s else DASH,
}
LEGEND = (
    "Per image, on one machine in one run, methods taking turns; median time of the rounds. MACs: of convolutions, matrix products and "
    "attention, gradients included. Evaluations: of the network that is called most. Memory: the process's peak, with Python and torch. "
    "Training: by the records beside the weights, with all that they started from (unknown for weights from elsewhere); samples seen are "
    "steps x batch; minutes are of processor time."
)


def write_cost_table(costs: Sequence[Cost], about: dict[str, object], out: Path) -> None:
    """Write `out` (csv) and, beside it, json, md and tex.

    Args:
        about: what was measured, for the heading and the json.
    """
    write_text(out, _csv(costs))
    whole = {"about": about, "code": code_version(), "environment": environment(), "processor": processor()}
    write_text(out.with_suffix(".json"), to_json(whole | {"rows": [asdict(cost) for cost in costs]}))
    title = ", ".join(f"{key} {value}" for key, value in about.items())
    header = ["Method", *COLUMNS]
    lines = [[cost.label, *(show(cost) for show in COLUMNS.values())] for cost in costs]
    write_text(out.with_suffix(".md"), _markdown(f"# {out.stem}: cost of a restoration", title, header, lines))
    tex = [" & ".join(map(tex_escape, line)) + r" \\" for line in lines]
    write_text(out.with_suffix(".tex"), tex_table(out.stem, f"Cost of a restoration: {title}. {LEGEND}", header, tex))


def _csv(costs: Sequence[Cost]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Cost)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(cost) for cost in costs)
    return text.getvalue()


def _markdown(heading: str, about: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, [":--", *["--:"] * (len(header) - 1)], *lines]
    return "\n\n".join([heading, about, "\n".join(f"| {' | '.join(row)} |" for row in rows), LEGEND]) + "\n"
