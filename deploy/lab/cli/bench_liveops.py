"""`questlog bench commands` and `questlog bench reads`: S3's writes and leaderboards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli.tables import figures, show
from deploy.lab.bench.liveops import Figures, LiveopsBench
from deploy.lab.bench.relay import read_relay
from deploy.lab.bench.report import cpu_rows
from deploy.lab.cli.measurement import measuring

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.table import Table

Home = Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Seconds = Annotated[float, typer.Option(min=1, max=600, help="Length of each measurement.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
WRITES: Final = ("debit", "progress")


def commands_command(
    seconds: Seconds = 10,
    players: Annotated[int, typer.Option(min=1, max=20_000, help="Players that are called for.")] = 1000,
    connections: Annotated[str, typer.Option(help="How many at once, one measurement each.")] = "1,32,128",
    home: Home = Path(".questlog"),
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Wallet debits and progress with a leaderboard, each with an idempotency key and a player's secret."""

    async def run(bench: LiveopsBench) -> list[Figures]:
        made = await bench.players(players)
        targets = {"debit": bench.debit(made), "progress": bench.progress(made)}
        await bench.measure("warm-up", targets["debit"], seconds=2, connections=32)
        return [
            await bench.measure(name, targets[name], seconds=seconds, connections=count)
            for count in _counts(connections)
            for name in WRITES
        ]

    _report(home, as_json, run)


def reads_command(
    seconds: Seconds = 10,
    players: Annotated[int, typer.Option(min=1, max=200_000, help="Players on the board.")] = 100_000,
    connections: Annotated[str, typer.Option(help="How many at once, one measurement each.")] = "32",
    home: Home = Path(".questlog"),
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """A board's top 10, its top 100, and players at all depths of it. Use two edges: `up --edges 2`."""

    async def run(bench: LiveopsBench) -> list[Figures]:
        reads = bench.reads(*await bench.seed_board(players))
        await bench.measure("warm-up", reads["top 10"], seconds=2, connections=32)
        return [
            await bench.measure(name, targets, seconds=seconds, connections=count)
            for count in _counts(connections)
            for name, targets in reads.items()
        ]

    _report(home, as_json, run)


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--connections takes whole numbers with commas, not {text!r}") from None


def _report(home: Path, as_json: bool, run: Callable[[LiveopsBench], Awaitable[list[Figures]]]) -> None:  # noqa: FBT001 - a typer flag
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)

    async def main() -> list[Figures]:
        relay = read_relay(home)
        return await run(LiveopsBench(home, relay, lambda line: console.print(line, style="dim")))

    with measuring(home, console):
        found = asyncio.run(main())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    show(console, *measurements(found))
    for one in found:
        if one.refused or one.lost:
            console.print(f"{one.name}: answers other than 2xx {one.refused}, connections lost {one.lost}")


def measurements(found: list[Figures]) -> list[Table]:
    """A column for each measurement; what it came to, and what each process used for it."""
    rows = {
        "requests/s": [f"{one.requests_a_second:,.0f}" for one in found],
        "p50, ms": [f"{one.p50_ms:.1f}" for one in found],
        "p99, ms": [f"{one.p99_ms:.1f}" for one in found],
        "CPU a request, µs": [f"{one.cpu_us_total:.0f}" for one in found],
    }
    processes = {f" {name}": cells for name, cells in cpu_rows([one.cpu_us for one in found], 0).items()}
    columns = ["{}\n{}".format(one.name.replace(" ", "\n", 1), one.connections) for one in found]
    return figures(columns, rows | processes, title="By the number of connections")
