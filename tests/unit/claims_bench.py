"""Claims as a file has them, and score files with the tables made of them to test claims on."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from clrface.api import MetricCard
from clrface.claims import Claim, Claims
from clrface.tables.costs import Cost, write_cost_table
from clrface.tables.table import RowSpec, TableSpec, build_table, table_to_json
from clrface.tables.verdicts import Finding, judge

N = 40
IDS = [f"s{number}" for number in range(N)]
N_BOOT = 400
CARDS = {
    "psnr": MetricCard("psnr", "PSNR", "higher", "dB", "image", True, 2, "test", "closed form"),
    "lmd": MetricCard("lmd", "LMD", "lower", "px", "image", True, 2, "test", "closed form"),
    "kd": MetricCard("kd", "KD", "lower", "", "set", True, 2, "test", "closed form"),
}
CLAIM = Claim("better", "A is better than B", "a", "b", "lmd", "lower", "table1", "orl", "blind")
HEADER = ["image_id", "value", "status"]
BLIND = {"table": "table1", "dataset": "orl", "degradation": "blind"}
ENTRY = {"says": "A is better", "first": "a", "second": "b", "metric": "lmd", "direction": "lower", "set": "blind"}


def written(tmp_path: Path, **changes: Any) -> Path:
    """A claims file of one claim, with changes to that claim."""
    entry = {key: value for key, value in (ENTRY | changes).items() if value is not None}
    content = {"alpha": 0.05, "resamples": 1000, "sets": {"blind": BLIND, "cost": {"table": "table6"}}, "claims": {"one": entry}}
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


class Bench:
    """Score files, the table that the library makes of them, and a table of costs."""

    def __init__(self, folder: Path):
        self.folder, self.scores, self.rows = folder, folder / "scores", []
        rng = np.random.default_rng(0)
        self.hard = rng.normal(10, 4, N)
        self.noise = {name: rng.normal(0, 0.2, N) for name in "abcd"}
        self.shared = rng.normal(0, 5, N_BOOT)

    def add(self, name: str, lmd: float, kd: float, lmds: np.ndarray | None = None, status: str = "ok") -> None:
        """A row whose landmarks are `lmd` px worse than the images are hard."""
        values = self.hard + lmd + self.noise[name] if lmds is None else lmds
        place = self.scores / "orl" / "blind" / name / "0"
        place.mkdir(parents=True)
        gone = status != "ok"
        self._write(place / "lmd.csv", HEADER, [[i, "" if gone else v, status] for i, v in zip(IDS, values, strict=True)])
        self._write(place / "psnr.csv", HEADER, [[i, "" if gone else "inf", status] for i in IDS])
        failed = [[i, "", status] for i in IDS] if gone else []
        self._write(place / "kd.csv", HEADER, [["*", "" if gone else kd, status if gone else "ok"], *failed])
        replicates = kd + self.shared + np.random.default_rng(len(self.rows)).normal(0, 1, N_BOOT)
        self._write(place / "kd.replicates.csv", ["replicate", "value"], list(enumerate(replicates)))
        self.rows.append(RowSpec(name, "orl", "blind"))

    def _write(self, path: Path, header: list[str], rows: list[Any]) -> None:
        with path.open("w", newline="") as lines:
            csv.writer(lines).writerows([header, *rows])

    def tables(self) -> dict[str, Path]:
        """table1 and table6, made."""
        spec = TableSpec(self.rows, list(CARDS), CARDS, {}, "tiny", "test", 64, 0, N_BOOT, "cpu")
        table = build_table(spec, self.scores, {("orl", "blind"): set(IDS)}, "table1")
        (self.folder / "table1.json").write_text(json.dumps(table_to_json(table) | {"base_seed": 0}))
        costs = [
            Cost("a", "A", 100, 1000, 8, 0.2, 0.18, 0.25, 0, 0, 0, 0.0),
            Cost("b", "B", 100, 9000, 100, 2.0, 1.5, 2.2, 0, 0, 0, 0.0),
            Cost("c", "C", 0, None, 0, 0.01, 0.01, 0.01, 0, None, None, None),
        ]
        write_cost_table(costs, {}, self.folder / "table6.csv")
        return {name: self.folder / f"{name}.json" for name in ("table1", "table6")}

    def judge(self, *claims: Claim, resamples: int = 2000, manifests: Path | None = None) -> list[Finding]:
        return judge(Claims(0.05, resamples, claims), self.tables(), self.scores, manifests)
