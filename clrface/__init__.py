"""CLR-Face Bench: a benchmark and reproducibility harness for blind face restoration.

    import clrface
    clrface.evaluate("out", "truth").to_frame()            # PSNR and SSIM with intervals
    clrface.load_method("clrface").restore(faces, [0])     # aligned faces, (B, 3, H, W) in [0, 1]
    clrface.restore(photograph), clrface.degrade(face, "gfpgan")
    clrface.list_methods(), clrface.list_metrics(), clrface.list_protocols()

One package per step, in the order in which data walks through it: fetch, align, degrade, models and
training, restore, metrics, tables, report.
"""

import os
from importlib import import_module

# OpenCV resizes by Intel's IPP, which rounds otherwise on AVX-512: one of 120 degraded faces differed. It asks at its first use.
os.environ.setdefault("OPENCV_IPP", "avx2")

# Names instead of import statements (those are in __init__.pyi): a fingerprint follows imports, and every module's would have all of these.
_PUBLIC = {
    "__version__": "clrface.version",
    "CLRFace": "clrface.restoration.pipeline",
    "create_metric": "clrface.public",
    "degrade": "clrface.public",
    "evaluate": "clrface.public",
    "list_methods": "clrface.public",
    "list_metrics": "clrface.public",
    "list_protocols": "clrface.public",
    "load_method": "clrface.public",
    "restore": "clrface.public",
    "sample_faces": "clrface.public",
}


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'clrface' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
