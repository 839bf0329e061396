"""What `questlog up` shows: each part of the stack, its state and its lag."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live

from deploy.cli.tables import table
from deploy.stack.kafka_jars import default_cache
from deploy.stack.program import ask_health
from deploy.stack.programs import AGENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from deploy.stack.supervisor import PartStatus, Supervisor


LOOK_SECONDS: Final = 2.0
_STATE_COLOURS: Final = {"ready": "green", "restarting": "red", "stopped": "dim"}


async def say_hosting(supervisor: Supervisor, console: Console) -> None:
    """How this machine runs game servers, and what keeps it from containers."""
    agent = supervisor.programs.get(AGENT)
    said = await ask_health(agent.admin_port) if agent is not None else {}
    if said.get("warning"):
        console.print(f"game servers: {said['warning']}", markup=False)
    elif said.get("driver"):
        console.print(f"game servers: {said['driver']}, at {said['address']}:{said['ports']}", markup=False)


async def show_parts(supervisor: Supervisor, console: Console) -> None:
    """A line for each part, its state and its lag.

    Kept up to date on a terminal, on each change elsewhere.
    """
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while True:
                await supervisor.look()
                live.update(Group(_table(supervisor.programs.values())), refresh=True)
                await asyncio.sleep(LOOK_SECONDS if supervisor.steady else 0.25)
    shown: dict[str, str] = {}
    while True:
        for part in supervisor.programs.values():
            if shown.get(part.name) != part.state and part.state != "waiting":
                shown[part.name] = part.state
                console.print(f"{part.name:<20} {part.state:<10} pid {part.pid or '-'}")
        await asyncio.sleep(0.25)


def _table(parts: Iterable[PartStatus]) -> Table:
    made = table("part", "state", "pid", "lag", "restarts", words=2)
    for part in parts:
        colour = _STATE_COLOURS.get(part.state, "yellow")
        lag = "" if part.lag is None else str(part.lag)
        made.add_row(
            part.name, f"[{colour}]{part.state}[/]", str(part.pid or ""), lag, str(part.restarts or "")
        )
    return made


def say_first_fetch(console: Console) -> None:
    """Why the first start on a machine takes longer."""
    if not any(default_cache().glob("kafka-*/kafka_*.jar")):
        console.print("fetching Kafka by Maven (54 MB, once)…")
