"""Break the harness on purpose, and count what happens.

python -m benchmarks.chaos --configs 10000 --images 10000 --sources 1000 --weights 500 --out chaos
python -m benchmarks.chaos --kills 20 --disks 10 --out chaos      # whole runs: about a minute each

Each trial must end in a right result, or in one message and a non-zero exit: never in a traceback, a hang or a wrong number. Trials are
drawn from --seed, and each is written to OUT/<part>.csv: the same command goes on where it was stopped. OUT/table.md has the counts.
Returns 1 if any trial found a fault. --kills and --disks need data/raw/orl and data/raw/dlib (snakemake fetch); --disks mounts small
file systems in memory, for which it must be root.
"""

import argparse
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from benchmarks.breaking import configs, images, runs, sources, weights
from benchmarks.breaking.ledger import FAULTS, Part, run_part, table

PARTS = {
    "kills": Part("kills", runs.kill_trial, limit_s=900),
    "disks": Part("disks", runs.disk_trial, limit_s=900),
    "sources": Part("sources", sources.trial),
    "weights": Part("weights", weights.trial, limit_s=60),
    "configs": Part("configs", configs.trial),
    "images": Part("images", images.trial),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that were asked for, print the table, and return 1 for a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in PARTS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"so many trials of {name}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the books and the table")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # decoders warn of what they guess in damaged files
    counts = {}
    for name, part in PARTS.items():
        if count := getattr(options, name):
            with tempfile.TemporaryDirectory(prefix=f"clrface-{name}-") as scratch:
                counts[name] = run_part(part, count, options.seed, options.out, lambda trial: _fresh(Path(scratch)))
    text = table(counts)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return int(any(found[fault] for found in counts.values() for fault in FAULTS))


def _fresh(scratch: Path) -> Path:
    """An empty folder, the last trial's removed."""
    folder = scratch / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
