"""`questlog`: the one entry point. Commands are modules of this package, imported when they are called.

A module has a typer app named `app`; with one command and no callback it is the command itself. To add one:
write `deploy/cli/<module>.py` and give it a line in COMMANDS.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Listed(NamedTuple):
    """A command's name, its module in this package, and its line in `questlog --help`."""

    name: str
    module: str
    help: str


COMMANDS: Final = (
    Listed("up", "up", "Start the stack on this machine and keep it running."),
    Listed("status", "status", "What runs, with its state and lag."),
    Listed("apply", "apply", "Load a definition file: shows what changes, then appends it as events."),
    Listed("keys", "keys", "Create, rotate, revoke and list keys."),
    Listed("demo", "demo", "The demo game: Freedoom played by bots."),
    Listed("sql", "sql", "Ask ClickHouse."),
    Listed("dlq", "dlq", "List, show and replay dead letters."),
    Listed("skip", "skip", "Go on without a telemetry record that the projector can't take in."),
    Listed("webhooks", "webhooks", "List and replay webhooks that were given up; show signing secrets."),
    Listed("simulate", "simulate", "Play the live-ops write path under faults, in virtual time."),
    Listed("rebuild", "rebuild", "Rebuild Redis or ClickHouse from the log, beside the live one."),
    Listed("repair", "repair", "After a loss of power: say what the log lost, and make all agree with it."),
    Listed("bench", "bench", "Measure the running stack."),
    Listed("drill", "drill", "Kill parts of the running stack and count what came of it."),
    Listed("prepare", "prepare", "Create and verify topics and tables (production; `up` does it by itself)."),
    Listed("snapshot", "snapshot", "Fold the log with this release's code before its deciders start."),
    Listed("edge", "edge", "Run one edge process: gateway and api on one port."),
    Listed("gateway", "gateway", "Run one gateway process: the writes alone."),
    Listed("api", "api", "Run one api process: the reads and the dashboard alone."),
    Listed("worker", "worker", "Run one worker process of a role."),
)


class _LazyGroup(TyperGroup):
    """Lists commands without importing them; imports the one that is called."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return [listed.name for listed in COMMANDS if _exists(listed.module)]

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the command's help line: enough for the list."""
        listed = _find(cmd_name)
        return None if listed is None else TyperCommand(cmd_name, help=listed.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        listed = _find(name or "")
        return (name, command, rest) if listed is None else (name, _load(listed), rest)


app = typer.Typer(
    cls=_LazyGroup,
    name="questlog",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _questlog() -> None:
    """An event-sourced backend for games: Kafka is the log, everything else can be rebuilt from it."""


def main() -> None:
    """Run the command line.

    Known failures are one line on standard error and exit code 1 or 2, never a trace.
    """
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not _is_known(error):
            raise
        print(f"questlog: {error}", file=sys.stderr)
        sys.exit(1)


def _is_known(error: Exception) -> bool:
    """Failures whose message is meant for the person at the screen."""
    names = {
        *("SettingsError", "PartFailed", "StartFailed", "TopicMismatchError", "MigrationError"),
        "ObjectStoreError",
        *(
            "ClickHouseAway",
            "ClickHouseRefused",
            "LogUnavailable",
            "StoreUnavailable",
            "KafkaConnectionError",
        ),
    }
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _find(name: str) -> Listed | None:
    return next((one for one in COMMANDS if one.name == name and _exists(one.module)), None)


def _exists(module: str) -> bool:
    return importlib.util.find_spec(f"{__name__}.{module}") is not None


def _load(listed: Listed) -> Any:
    module = importlib.import_module(f"{__name__}.{listed.module}")
    module.app._add_completion = False  # noqa: SLF001 - typer adds it to every app by itself
    command = typer.main.get_command(module.app)
    command.name = listed.name
    return command
