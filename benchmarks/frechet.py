"""The Frechet distance of small sets: ours (singular values) beside pytorch-fid's (matrix root), on the same features, in one run.

python benchmarks/frechet.py            # n = 120 and 400, 1,280 features
"""

import time

import numpy as np

from clrface.metrics.sets import Grams, frechet_distance
from clrface.seeds import generator
from clrface.torchvision_import import prepare

FEATURES = 1280


def seconds(run, repeats: int = 3) -> float:
    """The best of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print both values and both times."""
    prepare()
    from pytorch_fid.fid_score import calculate_frechet_distance

    print(f"{'n':>5} {'ours':>14} {'pytorch-fid':>14} {'ours, s':>9} {'theirs, s':>9}")
    for n in (120, 400):
        rng = generator(0, "benchmark", str(n))
        a, b = rng.gamma(1.0, size=(n, FEATURES)), rng.gamma(1.1, size=(n, FEATURES))

        def theirs(a=a, b=b) -> float:
            return calculate_frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))

        def ours(a=a, b=b) -> float:
            return frechet_distance(Grams.of(a, b), np.ones(len(a), dtype=int))

        print(f"{n:>5} {ours():>14.6f} {float(np.real(theirs())):>14.6f} {seconds(ours):>9.3f} {seconds(theirs, 1):>9.3f}")


if __name__ == "__main__":
    main()
