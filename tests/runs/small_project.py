"""A copy of the project with a small test set and four metrics, and what runs Snakemake in it."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import yaml

from clrface.fingerprint import ROOT
from tests.copies import copy_project, start_snakemake

PROTOCOL = {"small": {"metrics": ["psnr", "stlpips_alex", "kd_effnet", "ids_dlib"]}}
CONFIG = {
    "protocol": "small",
    "bootstrap": 50,
    "chunk": 4,
    "datasets": {"orl": {"identities": 4, "images_per_identity": 2}},
    "clrface": {"steps": 2},
    "tables": {f"table{number}": None for number in (2, 3, 4, 5)},
}
DROPPED = ("nlm", "wiener", "unet_perceptual", "unet_gan", "codebook", "pixel_diffusion")
"""Rows of the profile that would only take time here: tests/conformance tries every method."""
RESTORED = "results/restored/orl/blind/clrface/0"


class Project:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path, sources: Path):
        self.folder = folder
        copy_project(folder)
        (folder / "data" / "raw").symlink_to(sources)
        (folder / "models").symlink_to(ROOT / "models")
        protocols = yaml.safe_load((folder / "clrface/catalogue/protocols.yaml").read_text())
        (folder / "clrface/catalogue/protocols.yaml").write_text(yaml.safe_dump(protocols | PROTOCOL))
        profile = folder / "config/embedded.yaml"
        content = yaml.safe_load(profile.read_text())
        for block in (content, *content["tables"].values()):  # methods are a mapping there, lists here
            rows = block.get("methods", {})
            kept = [name for name in rows if name not in DROPPED]
            block |= {"methods": {name: rows[name] for name in kept} if isinstance(rows, dict) else kept} if rows else {}
        profile.write_text(yaml.safe_dump(content, sort_keys=False))
        self.configure({})

    def configure(self, changes: dict[str, object]) -> None:
        """Write small.yaml: CONFIG with changes."""
        (self.folder / "small.yaml").write_text(yaml.safe_dump(CONFIG | changes))

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return start_snakemake(self.folder, *words, "--configfile", "small.yaml", cores=2)

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=600)
        return process.returncode, output

    def planned(self, target: str = "table1") -> dict[str, int]:
        """What a dry run would do: rule to number of jobs."""
        code, output = self.run("-n", target)
        assert code == 0, output
        return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", output, re.M) if name != "total"}

    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "results/table1.csv").set_index("method")
