"""CLR-Face Bench: a benchmark and reproducibility harness for blind face restoration.

One package per step, in the order in which data walks through it: fetch, align, degrade, models and
training, restore, metrics, tables, report.
"""

import os

# OpenCV resizes by Intel's IPP, which rounds otherwise on AVX-512: one of 120 degraded faces differed. It asks at its first use.
os.environ.setdefault("OPENCV_IPP", "avx2")
