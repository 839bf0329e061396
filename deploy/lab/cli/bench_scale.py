"""`questlog bench scale`: more partitions and workers on one machine, and what a deployment needs from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli.tables import figures, show, table
from deploy.lab.bench.load import CONNECTIONS_MAX, OrderRefusedError
from deploy.lab.bench.processes import NoStackError
from deploy.lab.bench.scale import ScaleBench, Step
from deploy.lab.bench.sizing import Demand, full_at, needs
from deploy.lab.cli.measurement import measure_in
from deploy.lab.drill.stack import DrillFailedError

PARTITIONS_MAX = 16
_FAILURES = (OrderRefusedError, DrillFailedError, NoStackError)


def scale_command(  # noqa: PLR0917 - typer takes options as parameters
    partitions: Annotated[str, typer.Option(help="How many, one stack each.")] = "1,2,4",
    seconds: Annotated[float, typer.Option(min=1, max=120, help="Length of each load.")] = 10,
    connections: Annotated[int, typer.Option(min=1, max=CONNECTIONS_MAX)] = 128,
    players: Annotated[int, typer.Option(min=1, max=20_000, help="Players that are called for.")] = 2_000,
    daily: Annotated[int, typer.Option(min=1, max=10**9, help="Players a day to size for.")] = 1_000_000,
    home: Annotated[Path | None, typer.Option(help="Keep the stacks here; a temporary folder else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Start a stack for each number of partitions, with as many workers of each role, and load it.

    One after the other, on this machine and its loopback alone; each is ended and its figures stay.
    """
    counts = _counts(partitions)
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    demand = Demand(players=daily)

    async def run(folder: Path) -> list[Step]:
        bench = ScaleBench(
            folder,
            seconds=seconds,
            connections=connections,
            players=players,
            tell=lambda line: console.print(line, style="dim"),
        )
        return [await bench.step(count) for count in counts]

    found = measure_in(home, "scale", run, console, *_FAILURES)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    report(console, found, demand)


def report(console: Console, steps: list[Step], demand: Demand) -> None:
    """Every step, then the sizing from the first: it shares its cores with the fewest processes."""
    rows = {
        "events/s": [f"{one.events_a_second:,.0f}" for one in steps],
        "events/s a core": [f"{one.events_a_core:,.0f}" for one in steps],
    }
    for kind in steps[0].commands:
        rows[f"{kind}/s"] = [f"{one.commands[kind].requests_a_second:,.0f}" for one in steps]
        rows[f"{kind}/s a core"] = [f"{one.commands_a_core(kind):,.0f}" for one in steps]
    rows |= {
        "Redis, µs a progress": [f"{one.units.command_redis_us:.0f}" for one in steps],
        " in scripts, by its clock": [f"{one.units.command_script_us:.0f}" for one in steps],
        "Redis full at, progress/s": [f"{full_at(one.units.command_redis_us):,.0f}" for one in steps],
    }
    columns = [f"{one.partitions}" for one in steps]
    show(console, *figures(columns, rows, title=f"By partitions and workers, {steps[0].cores} cores"))
    sizing = table("", "measured", "extrapolated", title=f"For {demand.players:,} players a day", words=3)
    for need in needs(steps[0].units, demand):
        sizing.add_row(need.what, need.measured, need.extrapolated)
    show(console, sizing)
    console.print(
        f"{demand.sessions_a_player:g} sessions a player, {demand.events_a_session:g} events and"
        f" {demand.commands_a_session:g} commands a session; the busiest hour has {demand.peak:g} times the"
        f" mean; {demand.replication} replicas in the log; Redis holds {demand.known_players:g} players for"
        " each that plays on a day.",
        soft_wrap=False,
    )


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1 <= count <= PARTITIONS_MAX for count in counts):
        raise typer.BadParameter(f"--partitions takes whole numbers up to {PARTITIONS_MAX} with commas")
    return counts
