"""`questlog`: the one entry point. A command is a module, imported when it is called.

The module is in this package or in `deploy/lab/cli`, has the command's name and a typer app named `app`; with
one command and no callback it is the command itself. To add one: write it and give it a line in COMMANDS.
Production does not install `deploy/lab`: its commands are not listed there, and say what to install.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Annotated, Any, Final, NamedTuple

import typer

from deploy.cli.plain_help import PlainCommand, PlainGroup, let_help_be_plain

_LAB: Final = "deploy.lab"


def has_lab() -> bool:
    """Whether `deploy/lab` is installed: the demo, the benches, the drills."""
    return importlib.util.find_spec(_LAB) is not None


class Listed(NamedTuple):
    """A command's name, its line in `questlog --help`, and the package whose `cli` has its module."""

    name: str
    help: str
    package: str = "deploy"

    @property
    def installed(self) -> bool:
        """Whether this installation has the package."""
        return self.package == "deploy" or has_lab()


COMMANDS: Final = (
    Listed("up", "Start the stack on this machine and keep it running."),
    Listed("status", "What runs, with its state and lag."),
    Listed("apply", "Load a definition file: shows what changes, then appends it as events."),
    Listed("keys", "Create, rotate, revoke and list keys."),
    Listed(
        "playtests", "Keys of batches, invites, links; transcripts; credit, payouts, free trials, persons."
    ),
    Listed("experiments", "Start, stop and resume A/B experiments, and say which variant won."),
    Listed("ai", "Set, clear and test a studio's own keys of AI providers."),
    Listed("demo", "The demo game: Freedoom played by bots.", _LAB),
    Listed("persons", "Find and hand out everything of one person."),
    Listed("analysts", "Create, list and revoke accounts that read a studio's rows in ClickHouse."),
    Listed("sql", "Ask ClickHouse."),
    Listed("audit", "What operators and studios did, by whom and when."),
    Listed("export", "Write a studio's rows as Parquet by day into the object store, for warehouses."),
    Listed("dlq", "List, show and replay dead letters."),
    Listed("skip", "Go on without a telemetry record that the projector can't take in."),
    Listed("webhooks", "List and replay webhooks that were given up; show signing secrets."),
    Listed("simulate", "Play the live-ops write path under faults, in virtual time.", _LAB),
    Listed("rebuild", "Rebuild Redis or ClickHouse from the log, beside the live one."),
    Listed("layouts", "What Redis holds of older releases: build the new beside it, then let go of it."),
    Listed("repair", "After a loss of power: say what the log lost, and make all agree with it."),
    Listed("backup", "A stopped stack's home in one file."),
    Listed("restore", "A home again from a backup."),
    Listed("bench", "Measure the running stack.", _LAB),
    Listed("drill", "Kill parts of the running stack and count what came of it.", _LAB),
    Listed("prepare", "Create and verify topics and tables (production; `up` does it by itself)."),
    Listed("snapshot", "Fold the log with this release's code before its deciders start."),
    Listed("edge", "Run one edge process: gateway and api on one port."),
    Listed("gateway", "Run one gateway process: the writes alone."),
    Listed("api", "Run one api process: the reads and the dashboard alone."),
    Listed("worker", "Run one worker process of a role."),
)


class _LazyGroup(PlainGroup):
    """Lists commands without importing them; imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # What a misspelt command is compared with.
        self.commands.update(
            {one.name: PlainCommand(one.name, help=one.help) for one in COMMANDS if one.installed}
        )

    def list_commands(self, _ctx: Any) -> list[str]:
        return [listed.name for listed in COMMANDS if listed.installed]

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the command's help line: enough for the list."""
        listed = _find(cmd_name)
        return None if listed is None else PlainCommand(cmd_name, help=listed.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        listed = _find(name or "")
        return (name, command, rest) if listed is None else (name, load(listed), rest)


class LabMissing(Exception):
    """What is asked for is in `deploy/lab`, which production does not install."""

    def __init__(self, what: str) -> None:
        """`what` was asked for."""
        super().__init__(
            f"{what} is not part of what production installs (`deploy/lab`):"
            " install questlog from its source tree, with `pip install -e .` there or by `deploy/up`"
        )


app = typer.Typer(
    cls=_LazyGroup,
    name="questlog",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - 25 ms of CPU, for this option alone

        print(f"questlog {version('questlog')}")
        raise typer.Exit


@app.callback()
def _questlog(
    _version: Annotated[  # noqa: FBT002 - a typer flag
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
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
        *("SettingsError", "PartFailed", "StartFailed", "TopicMismatchError", "KafkaAway"),
        *("RequestRefused", "CommandRefused", "SkipRefused", "ObjectStoreError", "LabMissing", "LayoutsHeld"),
        *("AnalystRefused", "ClusterUnfit", "MigrationError"),
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
    return next((one for one in COMMANDS if one.name == name), None)


def load(listed: Listed) -> Any:
    """The command, from its module. Raises LabMissing where its package is not installed."""
    if not listed.installed:
        raise LabMissing(f"`questlog {listed.name}`")
    module = importlib.import_module(f"{listed.package}.cli.{listed.name}")
    module.app._add_completion = False  # noqa: SLF001 - typer adds it to every app by itself
    let_help_be_plain(module.app)
    command = typer.main.get_command(module.app)
    command.name = listed.name
    return command
