"""The page of everything: its images and figures."""

from pathlib import Path

from clrface.files import sha256_file
from clrface.fingerprint import ROOT, fingerprint
from clrface.plan.datasets import chunk_names
from clrface.plan.figures import set_spec
from clrface.plan.plan import Plan
from clrface.plan.studies import study_figures
from clrface.plan.training import loss_figure
from clrface.plan.words import short_digest

TEMPLATE = ROOT / "clrface" / "report" / "template"


def page_images(plan: Plan) -> list[str]:
    """Return the chunks of every table, each once: aligned, degraded, and restored with every seed."""
    found: dict[str, None] = {}
    for table in plan.tables.values():
        for dataset, degradation in table.blocks:
            places = [f"{plan.data}/aligned/{dataset}", f"{plan.data}/degraded/{dataset}/{degradation}"]
            restored = f"{plan.results}/restored/{dataset}/{degradation}"
            places += [f"{restored}/{row.name}/{seed}" for row in table.rows for seed in plan.row_seeds(row)]
            found |= dict.fromkeys(f"{place}/{chunk}" for place in places for chunk in chunk_names(plan, dataset))
    return list(found)


def page_figures(plan: Plan) -> list[str]:
    """Return the studies' figures; and that of the losses after a training."""
    losses = loss_figure(plan)
    return study_figures(plan) + ([losses] if Path(losses).is_file() else [])


def page_spec(plan: Plan) -> str:
    """Return the page's test sets as the command's JSON."""
    return set_spec(plan, (dataset for table in plan.tables.values() for dataset in table.datasets))


def page_code(_: Plan) -> str:
    """Return a digest of the page's code, template, style and script."""
    template = [path for path in TEMPLATE.iterdir() if path.is_file()]
    return short_digest([fingerprint("clrface.report.page"), *map(sha256_file, sorted(template))])
