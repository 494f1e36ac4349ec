"""The paper's claims: which tables and scores they are tested on."""

from dataclasses import asdict

from clrface.claims import COST_TABLE
from clrface.plan.datasets import entries
from clrface.plan.plan import Plan
from clrface.plan.tables import score_files
from clrface.plan.words import short_digest


def claimed_tables(plan: Plan) -> list[str]:
    """Return the files of the tables that the claims name and this config makes."""
    return [f"{plan.results}/{table}.json" for table in plan.claims.tables if table in plan.tables or table == COST_TABLE]


def claimed_scores(plan: Plan) -> list[str]:
    """Return the scores of those tables."""
    return [path for table in _made(plan) for path in score_files(plan, table)]


def claims_digest(plan: Plan) -> str:
    """Return a digest of the claims, and of the people on the photographs, who are resampled."""
    datasets = sorted({dataset for table in _made(plan) for dataset in plan.table(table).datasets})
    known = [plan.dataset(dataset) for dataset in datasets if not plan.dataset(dataset).source]
    people = {dataset.name: [(entry.image_id, entry.identity) for entry in entries(dataset)] for dataset in known}
    return short_digest([asdict(plan.claims), people])


def _made(plan: Plan) -> list[str]:
    """Return the claimed tables of faces, without that of costs."""
    return [table for table in plan.claims.tables if table in plan.tables]
