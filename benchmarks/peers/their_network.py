"""A peer's network, by its own code: write what it gives for one input.

python their_network.py JOB.json        # in the environment that it needs: nothing of ours is imported

JOB.json: `clone`, `module`, `bare` (packages whose `__init__` is left out: it imports far more), `class`, `options` and `call` (of the
class, and of its forward pass), `weights` and `key` (in that file), `input` and `output` (.npy).
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch


def main(path):
    """Write the job's output."""
    job = json.loads(Path(path).read_text())
    for name in job["bare"]:
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(Path(job["clone"], *name.split(".")))]
    network = getattr(importlib.import_module(job["module"]), job["class"])(**job["options"])
    network.load_state_dict(torch.load(job["weights"], map_location="cpu")[job["key"]])
    with torch.no_grad():
        given = network.eval()(torch.from_numpy(np.load(job["input"])), **job["call"])
    np.save(job["output"], given[0].numpy())


if __name__ == "__main__":
    main(sys.argv[1])
