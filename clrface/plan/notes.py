"""Notes on a valid config: networks and metrics that get faces of another size or alignment than
they were made for.
"""

from collections.abc import Iterator

from clrface.plan.datasets import aligned_as
from clrface.plan.plan import Plan

SHIPPED_TEMPLATE = "utkface"
"""The alignment of the faces that the shipped weights were trained on."""


def notes(plan: Plan) -> list[str]:
    """Return notes of one or two sentences each, to be printed before any work."""
    return [*_own_place(plan), *_other_size(plan), *_other_alignment(plan), *_metrics_of_other_alignment(plan)]


def _own_place(plan: Plan) -> Iterator[str]:
    """Note that the run's files lie apart from the default's."""
    if plan.place:
        yield f"Note: this config's files lie in {plan.results} and {plan.data}. Ask for its tables there: {plan.results}/<table>.csv."


def _other_size(plan: Plan) -> Iterator[str]:
    """Note that the shipped weights run at another size than that of their training."""
    methods = ", ".join(dict.fromkeys(card.name for _, card in plan.trained_rows()))
    size, trained_at = plan.resolution, plan.shipped.resolution
    if methods and plan.weights == "shipped" and size != trained_at:
        yield (
            f"Note: the shipped weights were trained at {trained_at} pixels, and resolution is {size}: {methods} run outside of "
            f"what they learned. Train them at {size}: `weights: fit`, and config/gpu.yaml."
        )


def _other_alignment(plan: Plan) -> Iterator[str]:
    """Note that faces are aligned differently from those of the weights' training."""
    if plan.weights not in ("shipped", "fit") or not plan.trained_rows():
        return
    learned = aligned_as(plan, plan.training.datasets[0]) if plan.fits else SHIPPED_TEMPLATE
    others = [dataset for dataset in _shown(plan) if aligned_as(plan, plan.dataset(dataset)) not in ("", learned)]
    if others:
        yield (
            f"Note: the weights' training faces are aligned by the template '{learned}', those of {', '.join(others)} are not: "
            "the networks trained here see them at another scale. Read those rows with care."
        )


def _metrics_of_other_alignment(plan: Plan) -> Iterator[str]:
    """Note that faces are aligned differently from what metrics expect."""
    for dataset in _shown(plan):
        aligned = aligned_as(plan, plan.dataset(dataset))
        measured = {name for table in plan.tables.values() if dataset in table.datasets for name in table.metrics}
        wrong = [name for name in sorted(measured) if plan.metric(name).template not in ("", aligned)]
        if wrong and aligned:
            yield (
                f"Note: {', '.join(wrong)} look where the template '{plan.metric(wrong[0]).template}' has a face, but {dataset}'s are "
                f"aligned by '{aligned}': don't use those values. Give its table another protocol."
            )


def _shown(plan: Plan) -> list[str]:
    """Return the test sets of all tables."""
    return sorted({dataset for table in plan.tables.values() for dataset in table.datasets})
