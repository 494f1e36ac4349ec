"""What a person types, by the section of the help that lists it."""

import click

from clrface.cli.commands.browse import browse
from clrface.cli.commands.data import fetch, generate, mirror
from clrface.cli.commands.demo import demo
from clrface.cli.commands.evaluation import claims, compare, evaluate, reference, reproduce
from clrface.cli.commands.ntire import ntire
from clrface.cli.commands.reports import chart, report, show
from clrface.cli.commands.restoring import degrade, restore
from clrface.cli.commands.submission import submit_check
from clrface.cli.commands.training import import_vq, losses

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Restore": (restore, degrade, demo),
    "Evaluate": (evaluate, ntire, compare, submit_check, claims, reproduce, reference),
    "Browse": (browse,),
    "Data": (fetch, mirror, generate),
    "Train": (import_vq, losses),
    "Reports": (show, chart, report),
}
