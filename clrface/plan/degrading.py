"""Degradations: their inputs, and digests of them."""

from dataclasses import asdict
from functools import cache

from clrface.errors import UserError
from clrface.fetch.sources import entry_digest
from clrface.plan.plan import Plan
from clrface.plan.words import short_digest, source_record


@cache
def degradation_digest(plan: Plan, degradation: str) -> str:
    """Return a digest of the degradation's numbers, and of the source of finished images."""
    found = plan.degradation(degradation)
    given = {"given": entry_digest(plan.source(found.source))} if found.source else {}
    return short_digest({key: value for key, value in asdict(found).items() if value != ""} | given)


def degrade_inputs(plan: Plan, dataset: str, degradation: str) -> list[str]:
    """Return the source of a degradation's finished images, and the names of their test set; else
    nothing.

    Raises: UserError for finished images of another test set.
    """
    found = plan.degradation(degradation)
    if found.kind != "given":
        return []
    if dataset != found.dataset:
        said = f"Degradation '{degradation}' has finished images of '{found.dataset}', not of '{dataset}'"
        raise UserError(f"{said}. Give '{dataset}' a table, or a degradation, of its own.")
    return [source_record(name) for name in (found.source, found.dataset)]
