"""The command line: `commands` holds what a person types, `steps` what the workflow's rules call. Both run as `clrface NAME`.

Modules here import click and nothing heavy; what a command needs is imported when it runs.
"""

import sys
from collections.abc import Sequence

import click

from clrface.cli.commands import SECTIONS
from clrface.cli.parts import SectionedGroup
from clrface.cli.steps import STEPS
from clrface.version import __version__


@click.group(
    cls=SectionedGroup,
    sections=SECTIONS,
    hidden_commands=STEPS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Benchmark blind face restoration: measure images, browse what there is, fetch data, compare and report."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code.

    Returns: 0; 1 where `reproduce` found differences, `evaluate` a metric without a value, or
    `submit-check` something missing; 2 after an error that the user can correct, a wrong option too,
    which one message reports; 130 when interrupted.
    """
    try:
        return cli.main(args=arguments, prog_name="clrface", standalone_mode=False) or 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "clrface"
        print(f"{where}: {error.format_message()} See {where} --help.", file=sys.stderr)
        return 2
    except click.Abort:
        print("clrface: stopped.", file=sys.stderr)
        return 130
