"""`questlog bench handles`: S1's handles of testers with nothing cached."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.cli.tables import show, table
from deploy.lab.bench.handles import HandlesReport, handles_reports
from deploy.lab.cli.measurement import measuring


def handles_command(  # noqa: PLR0917 - typer takes options as parameters
    handles: Annotated[int, typer.Option(min=1, max=100_000, help="Linked testers of the game.")] = 10_000,
    sessions: Annotated[
        int, typer.Option(min=100, max=10_000_000, help="Sessions of their devices.")
    ] = 1_000_000,
    partitions: Annotated[
        list[int] | None, typer.Option(min=1, max=64, help="Of the log; give several.")
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=100, help="Reads, one after the other.")] = 7,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Read all handles of a game in a database of its own that is dropped afterwards."""
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    settings = running_stack.of_home(home)

    async def run() -> list[HandlesReport]:
        return await handles_reports(
            settings,
            handles=handles,
            sessions=sessions,
            partitions=partitions or [1, 4],
            times=times,
            tell=lambda line: console.print(line, style="dim"),
        )

    with measuring(home, console):
        found = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    shown = table(
        "log partitions", "handles", "sessions", "reads", "p50 ms", "longest ms", "ClickHouse CPU ms"
    )
    for one in found:
        shown.add_row(
            f"{one.partitions}",
            f"{one.handles:,}",
            f"{one.sessions:,}",
            f"{len(one.cold_ms)}",
            f"{statistics.median(one.cold_ms):.0f}",
            f"{max(one.cold_ms):.0f}",
            f"{one.clickhouse_cpu_ms:.0f}",
        )
    show(console, shown)
