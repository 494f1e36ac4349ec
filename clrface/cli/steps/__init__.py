"""The steps that the workflow's rules call. They run as `clrface STEP`, and are left out of the help for people.

Their words are told by the rules, so they follow these: lists of files, settings as JSON.
"""

import click

from clrface.cli.steps.figures import failures, mask_maps, overview, roc, samples, sweep_figure
from clrface.cli.steps.images import align, degrade, install_external, measure, restore
from clrface.cli.steps.studies import cost, sweep
from clrface.cli.steps.tables import metrics, tabulate
from clrface.cli.steps.training import train, weights

STEPS: tuple[click.Command, ...] = (
    align,
    degrade,
    train,
    weights,
    install_external,
    restore,
    measure,
    tabulate,
    metrics,
    samples,
    failures,
    roc,
    sweep,
    sweep_figure,
    mask_maps,
    overview,
    cost,
)
