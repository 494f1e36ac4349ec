"""Degradations: what a recipe reads, and when it has changed."""

from dataclasses import asdict
from functools import cache

from clrface.errors import UserError
from clrface.fetch.sources import entry_digest
from clrface.plan.plan import Plan
from clrface.plan.words import short_digest, source_record


@cache
def recipe_digest(plan: Plan, recipe: str) -> str:
    """Changes with the recipe's numbers, and with the source of finished pictures."""
    found = plan.recipe(recipe)
    given = {"given": entry_digest(plan.source(found.source))} if found.source else {}
    return short_digest({key: value for key, value in asdict(found).items() if value != ""} | given)


def degrade_inputs(plan: Plan, dataset: str, recipe: str) -> list[str]:
    """The source of a recipe's finished pictures, and the names of the test set that they belong to; none for a recipe that degrades.

    Raises: UserError for finished pictures of another test set.
    """
    found = plan.recipe(recipe)
    if found.kind != "given":
        return []
    if dataset != found.dataset:
        said = f"Recipe '{recipe}' has finished pictures of '{found.dataset}', not of '{dataset}'"
        raise UserError(f"{said}. Give '{dataset}' a table, or a recipe, of its own.")
    return [source_record(name) for name in (found.source, found.dataset)]
