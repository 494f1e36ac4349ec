"""Click's classes, with what this project adds: sections of commands, an example in each help, options that take several values."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from clrface.errors import UserError, unknown_name

PATH = click.Path(path_type=Path)
Kind = TypeVar("Kind")


class _WithExample(click.Command):
    """A command, or a group, with an example in its help."""

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            with formatter.section("Example"):
                formatter.write("".join(f"  {line}\n" for line in self.example.splitlines()))


class Group(_WithExample, click.Group):
    """A group with an example in its help."""


class Command(_WithExample):
    """A command with an example in its help. `--tables A B` gives its `multiple` options several values at once.

    Errors that the user can put right, and Ctrl-C, become one message and an exit code: 2 and 130.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._one_by_one(args))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            print(f"{ctx.command_path}: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"{ctx.command_path}: stopped; nothing half-written was kept. Run the same command again.", file=sys.stderr)
            return 130

    def _one_by_one(self, args: Sequence[str]) -> list[str]:
        """`--tables A B` as click takes it: `--tables A --tables B`."""
        several = {name for param in self.params if isinstance(param, click.Option) and param.multiple for name in param.opts}
        words: list[str] = []
        option = ""
        for place, word in enumerate(args):
            if word == "--":
                return [*words, *args[place:]]
            if word.startswith("-"):
                option = word if word in several else ""
                words += [] if option else [word]
            else:
                words += [option, word] if option else [word]
        return words


class SectionedGroup(click.Group):
    """A group whose help lists its commands by section. Hidden commands run, and explain themselves, but are not listed."""

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Sequence[click.Command]] | None = None,
        hidden_commands: Sequence[click.Command] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections or {}
        for command in (*(one for commands in self.sections.values() for one in commands), *hidden_commands):
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(str(command.name), command.get_short_help_str(limit=90)) for command in commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(
            "Each command has an example: clrface COMMAND --help. The workflow's steps are in docs/reference/command-line.md."
        )


class Json(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]  # no generic before click 8.4
    """A value written as JSON."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            return self.fail(f"Found {value!r}, expected JSON ({error}).", param, ctx)


class JsonText(Json):
    """A value written as JSON, checked and handed on as text: its own class reads it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        super().convert(value, param, ctx)
        return value


def filled(kind: type[Kind], values: Any, option: str, otherwise: Mapping[str, Any] | None = None) -> Kind:
    """Make a dataclass from what a JSON option holds, and from `otherwise` where it says nothing.

    Raises: click.BadParameter for anything but an object, a key that is no field, and a field without default that is missing.
    """
    hint = repr(option)
    if not isinstance(values, dict):
        raise click.BadParameter(f"Found {values!r}, expected a JSON object.", param_hint=hint)
    given = {**(otherwise or {}), **cast(dict[str, Any], values)}
    known = {one.name: one for one in fields(cast(Any, kind))}
    if unknown := [key for key in given if key not in known]:
        raise click.BadParameter(str(unknown_name("key", unknown[0], known)), param_hint=hint)
    needed = [name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING]
    if lacking := [name for name in needed if name not in given]:
        raise click.BadParameter(f"It lacks {', '.join(lacking)}: add them.", param_hint=hint)
    return kind(**given)


def one_of(*, required: bool = True, **given: object) -> None:
    """Check that one of the options, by their parameters' names, was given, or none if not `required`. Raises: click.UsageError."""
    count = sum(bool(value) for value in given.values())
    if count > 1 or (required and not count):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"Found {count} of {names}, expected {'one' if required else 'one at most'}.")


def path_option(name: str, help: str = "", **settings: Any) -> Callable[[Any], Any]:
    """An option that takes one path."""
    return click.option(name, type=PATH, metavar="PATH", help=help, **settings)


def paths_option(name: str, help: str = "", **settings: Any) -> Callable[[Any], Any]:
    """An option that takes several paths."""
    return click.option(name, type=PATH, multiple=True, metavar="PATH ...", help=help, **settings)
