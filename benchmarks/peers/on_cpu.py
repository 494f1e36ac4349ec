"""Run a peer's script as it is. Where there is no CUDA device, what it moves to one stays on the CPU.

python on_cpu.py SCRIPT [WORD ...]        # by the environment that the script needs: nothing of ours is imported
"""

import runpy
import sys
from pathlib import Path

import torch


def _stay(kind):  # no types: the scripts' environments may have an old Python
    """Make `kind`'s methods `cuda` and `to` leave it where it is."""
    move = kind.to

    def to(self, *words, **named):
        words = [_on_cpu(word) for word in words]
        return move(self, *words, **{name: _on_cpu(word) for name, word in named.items()})

    kind.to, kind.cuda = to, lambda self, *_, **__: self


def _on_cpu(word):
    is_cuda = isinstance(word, (str, torch.device)) and str(word).startswith("cuda")
    return "cpu" if is_cuda else word


if __name__ == "__main__":
    if not torch.cuda.is_available():
        _stay(torch.Tensor)
        _stay(torch.nn.Module)
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
