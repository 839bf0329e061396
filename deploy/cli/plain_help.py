"""Helps as plain text that is whole in a terminal of 80 columns: typer's own tables cut names off.

Every app is made of these two classes (`let_help_be_plain`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    import typer

NEAREST_MAX: Final = 2
"""As many names are suggested for one that does not exist."""
_NAME_CHARACTERS_MAX: Final = 30
_CHOICES: Final = re.compile(r"^(?P<name>.*) <(?P<choices>[^<>]+[|][^<>]+)>$")
_SUGGESTED: Final = re.compile(r"(?<=Did you mean )'[^']*'(?:, '[^']*')*")


class PlainCommand(TyperCommand):
    """A command whose help is plain text."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings | {"rich_markup_mode": None})

    def get_short_help_str(self, limit: int = 0) -> str:
        """Its line in a list of commands."""
        return first_paragraph(self.help, limit)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        _write_parameters(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; of options that are like an unknown one only the nearest are named."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            _name_fewer(error)
            raise


class PlainGroup(TyperGroup):
    """A group of commands whose help is plain text."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings | {"rich_markup_mode": None})

    def get_short_help_str(self, limit: int = 0) -> str:
        """Its line in a list of commands."""
        return first_paragraph(self.help, limit)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, options and commands."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; of those that are like an unknown one only the nearest are named."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            _name_fewer(error)
            raise


def let_help_be_plain(app: typer.Typer) -> None:
    """Let an app, and those in it, be made of `PlainGroup` and `PlainCommand`."""
    app.info.cls = PlainGroup
    for command in app.registered_commands:
        command.cls = PlainCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            let_help_be_plain(group.typer_instance)


def first_paragraph(text: str | None, _characters: int = 0) -> str:
    """What stands before the first empty line, in one line: a list of commands wraps and never shortens."""
    return " ".join((text or "").split("\n\n", 1)[0].split())


def with_narrow_name(name: str, text: str) -> tuple[str, str]:
    """A parameter's name and text; choices that are too wide to stand beside the name go into the text."""
    found = _CHOICES.match(name)
    if found is None or len(name) <= _NAME_CHARACTERS_MAX:
        return name, text
    return found["name"], f"{text}  [one of: {found['choices'].replace('|', ', ')}]"


def _write_parameters(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in command.get_params(ctx):
        if (record := parameter.get_help_record(ctx)) is not None:
            rows[parameter.param_type_name].append(with_narrow_name(*record))
    for kind, some in rows.items():
        if some:
            with formatter.section(f"{kind.capitalize()}s"):
                formatter.write_dl(some)


def _name_fewer(error: Any) -> None:
    """Keep the nearest of the names that a usage error suggests: they are in the order of their likeness."""
    if getattr(error, "possibilities", None):
        error.possibilities = error.possibilities[:NEAREST_MAX]
    if isinstance(message := getattr(error, "message", None), str):
        error.message = _SUGGESTED.sub(lambda found: ", ".join(found[0].split(", ")[:NEAREST_MAX]), message)
