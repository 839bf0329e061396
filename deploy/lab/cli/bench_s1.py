"""`questlog bench s1`: a read over REST and as an agent's call, and a Discord message, in turns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.cli.tables import show, table
from deploy.lab.bench.s1 import BLOCKS, CALLS_MAX, s1_calls
from deploy.lab.cli.measurement import measuring


def s1_command(
    calls: Annotated[int, typer.Option(min=BLOCKS, max=CALLS_MAX, help="Of each kind.")] = 250,
    connections: Annotated[int, typer.Option(min=1, max=32)] = 1,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Ask for the list of games by REST and by MCP, and send Discord messages; leaves a studio.

    CPU that the stack takes meanwhile for other things is in the last column.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    settings = running_stack.of_home(home)
    with measuring(home, console):
        found = asyncio.run(s1_calls(settings, calls=calls, connections=connections))
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    shown = table("asked", "calls", "a second", "p50 ms", "p99 ms", "edge us", "all us", "refused")
    for name, one in found.items():
        shown.add_row(
            name,
            f"{one.calls:,}",
            f"{one.a_second:,.0f}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.edge_us:,.0f}",
            f"{one.all_us:,.0f}",
            f"{one.refused}",
        )
    show(console, shown)
