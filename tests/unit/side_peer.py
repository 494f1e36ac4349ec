"""A small peer for the tests of the benchmark beside other code: work without any package."""

import os

from benchmarks.side.task import Task


def squares(values: list[float], wrong_by: float = 0.0) -> Task:
    """The squares, the last of them off by `wrong_by`."""
    return Task(lambda: [value**2 for value in values[:-1]] + [values[-1] ** 2 + wrong_by])


def surroundings() -> Task:
    """Threads that libraries may take, and this process's cores."""
    return Task(lambda: [float(os.environ["OMP_NUM_THREADS"]), float(len(os.sched_getaffinity(0)))])


def chatter() -> Task:
    """Print while working."""

    def run() -> list[float]:
        print("Loading pretrained model")
        return [1.0]

    return Task(run)


def dying() -> Task:
    """End the process."""
    os._exit(3)


def missing() -> Task:
    """Need a package that nobody has."""
    import no_such_package_anywhere  # type: ignore[import-not-found]  # noqa: F401

    raise AssertionError
