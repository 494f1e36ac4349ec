"""Score files of four images and four rows, and the table that is made of them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from clrface.api import MethodCard, MetricCard
from clrface.images import write_png
from clrface.tables.table import RowSpec, Table, TableSpec, build_table
from clrface.tables.tabulate import tabulate

NAN, INF = math.nan, math.inf
PSNR = MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "test")
NIQE = MetricCard("niqe", "NIQE", "lower", "", "image", False, 3, "test", "test")
KD = MetricCard("kd_x", "KD (x)", "lower", "", "set", True, 4, "test", "test")
CARDS = {card.id: card for card in (PSNR, NIQE, KD)}
METHODS = {
    "input": MethodCard("input", "Degraded input", False, control=True),
    "ground_truth": MethodCard("ground_truth", "Ground truth", False, control=True),
    "a": MethodCard("a", "A_1 & co", False),
}
IDS = ["p10_1", "p1_1", "p1_2", "p2_1"]  # sorted as text
N_BOOT = 50


def write_scores(
    path: Path, values: dict[str, float], failures: dict[str, str] | None = None, replicates: list[float] | None = None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(i, repr(float(v)), "ok") for i, v in values.items()] + [(i, "", reason) for i, reason in (failures or {}).items()]
    path.write_text("\n".join(",".join(row) for row in [("image_id", "value", "status"), *rows]) + "\n")
    if replicates is not None:
        lines = [f"{i},{float(value)!r}" for i, value in enumerate(replicates)]
        path.with_name(f"{path.stem}.replicates.csv").write_text("\n".join(["replicate,value", *lines]) + "\n")


class Project:
    """A tiny results folder: four images, methods `input`, `a`, `b`, `ground_truth`."""

    def __init__(self, root: Path):
        self.scores, self.degraded, self.target = root / "scores", root / "degraded", root / "out" / "table1.csv"
        self.rows = [RowSpec(method, "orl", "blind") for method in ("input", "a", "b", "ground_truth")]
        for i, image_id in enumerate(IDS):
            write_png(self.degraded / "orl" / "blind" / f"00{i // 2}" / f"{image_id}.png", np.full((2, 2, 3), i, np.uint8))
        for method, level in (("input", 20.0), ("a", 25.0), ("b", 27.0)):
            self.write(method, "psnr", {image_id: level + i for i, image_id in enumerate(IDS)})
        self.write("ground_truth", "psnr", dict.fromkeys(IDS, INF))
        for method, level in (("input", 9.0), ("a", 5.0), ("b", 4.0), ("ground_truth", 3.0)):
            self.write(method, "niqe", {image_id: level - 0.1 * i for i, image_id in enumerate(IDS)})
            self.write(method, "kd_x", {"*": level / 8}, replicates=list(np.linspace(0.0, 1.0, N_BOOT)))

    def write(self, method: str, metric: str, *args, seed: int = 0, **kwargs) -> None:
        write_scores(self.path(method, metric, seed), *args, **kwargs)

    def path(self, method: str, metric: str, seed: int = 0) -> Path:
        return self.scores / "orl" / "blind" / method / str(seed) / f"{metric}.csv"

    def spec(self, **changes) -> TableSpec:
        spec = TableSpec(self.rows, list(CARDS), CARDS, METHODS, "embedded", "embedded", 64, 0, N_BOOT, "cpu")
        return replace(spec, **changes)

    def build(self, **changes) -> Table:
        lq_ids = {(row.dataset, row.degradation): set(IDS) for row in self.rows}
        return build_table(self.spec(**changes), self.scores, lq_ids, "table1")

    def tabulate(self, **weights: Path) -> None:
        tabulate(self.spec(), scores=self.scores, degraded=self.degraded, weights=weights, target=self.target)
