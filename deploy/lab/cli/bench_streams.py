"""`questlog bench streams`: scores on their way to a board's listeners."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli.tables import figures, show
from deploy.lab.bench.liveops import LiveopsBench
from deploy.lab.bench.relay import read_relay
from deploy.lab.bench.report import cpu_rows
from deploy.lab.bench.streams import LISTENERS_MAX, StreamBench, StreamFigures
from deploy.lab.cli.measurement import measuring


def streams_command(
    listeners: Annotated[int, typer.Option(min=1, max=LISTENERS_MAX, help="Open streams.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Length of the measurement.")] = 10,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Scores a second.")] = 5,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """From a player's request to every listener of the board, over server-sent events."""
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)

    def tell(line: str) -> None:
        console.print(line, style="dim")

    async def run() -> StreamFigures:
        relay = read_relay(home)
        bench = StreamBench(home, relay, LiveopsBench(home, relay, tell), tell)
        return await bench.measure(listeners, seconds=seconds, rate=rate)

    with measuring(home, console):
        found = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    console.print(
        f"{found.events} scores at {found.listeners:,} listeners: {found.deliveries:,} deliveries, "
        f"{found.missing} missing"
    )
    console.print(f"p50 {found.p50_ms:.0f} ms, p99 {found.p99_ms:.0f} ms, worst {found.worst_ms:.0f} ms")
    show(console, *figures(["CPU a delivery, µs"], cpu_rows([found.cpu_us], digits=1)))
