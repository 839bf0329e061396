"""`questlog demo`: the demo game, Freedoom played by bots that report what they do as a real game would."""

from __future__ import annotations

import math
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.lab.demo.game.engine import DemoUnavailableError
from deploy.lab.demo.game.play import BOTS_MAX, play, read_demo

app = typer.Typer(name="demo", help="The demo game: Freedoom played by bots.", no_args_is_help=True)
_console = Console(highlight=False)


@app.callback()
def _demo() -> None:
    """The demo game: Freedoom played by bots."""


@app.command("play")
def play_command(
    seconds: Annotated[float, typer.Option(min=0, help="Real time to play for; 0: until stopped.")] = 0,
    bots: Annotated[int, typer.Option(min=1, max=BOTS_MAX, help="Bots that play at the same time.")] = 3,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    fast: Annotated[bool, typer.Option(help="Begin with a minute of game time played at once.")] = True,  # noqa: FBT002 - a typer flag
    only_fast: Annotated[bool, typer.Option(help="Stop after the minute played at once.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Play, and send what happens to HOME's stack: half of the bots by S4 MessagePack, the others by S1.

    All of them are live-ops players too; HOME/demo-players.json keeps their secrets.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        demo = read_demo(home / "demo.json")
        delivered = play(
            demo,
            bots=bots,
            seconds=0 if only_fast else (seconds or math.inf),
            fast=fast or only_fast,
            players_file=home / "demo-players.json",
            stop=stop,
            tell=lambda message: _console.print(f"demo: {message}", soft_wrap=True),
        )
    except FileNotFoundError:
        _console.print(
            f"demo: there is no {home / 'demo.json'}; start a stack with `questlog up --demo` first"
        )
        raise typer.Exit(2) from None
    except (ValueError, DemoUnavailableError) as error:
        _console.print(f"demo: {error}")
        raise typer.Exit(2) from None
    _console.print(
        f"demo: {delivered.events} events in {delivered.requests} requests delivered, "
        f"{delivered.refused} refused, {delivered.given_up} given up, waited {delivered.waited} times; "
        f"{delivered.moves} live-ops calls"
    )
