"""`questlog bench fleet`: game servers, from their start to what they cost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.cli.tables import show, table
from deploy.lab.bench.fleet import POOL, FleetBench
from deploy.lab.bench.fleet_figures import Figure
from deploy.lab.bench.fleet_host import StackHost
from deploy.lab.bench.fleet_project import open_project
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.cli.measurement import measuring
from deploy.lab.drill.stack import DrillFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rich.table import Table

STEPS: Final = ("idle", "start", "pool", "burst", "servers", "agent", "line", "zip", "lost")
TEEWORLDS_STEPS: Final = frozenset({"start", "pool", "burst", "servers", "agent"})


def fleet_command(  # noqa: PLR0917 - typer takes options as parameters
    servers: Annotated[int, typer.Option(min=1, max=100, help="Servers that idle.")] = 100,
    burst: Annotated[
        int, typer.Option(min=1, max=100, help="Servers that start at once, and that an agent's death meets.")
    ] = 50,
    starts: Annotated[int, typer.Option(min=1, max=300, help="Starts, one after the other.")] = 100,
    claims: Annotated[int, typer.Option(min=1, max=300, help="Claims, one after the other.")] = 100,
    seconds: Annotated[float, typer.Option(min=1, max=300, help="Length of each look at CPU.")] = 30,
    only: Annotated[str, typer.Option(help=f"Some of {','.join(STEPS)}, in that order.")] = "",
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Measure real Teeworlds servers on HOME's own host; stops them. The studio `bench-fleet` is its own.

    idle, servers: CPU and memory, without servers and with many that have no players. start, burst, pool:
    until they run, one by one, at once, and from a pool. agent: its death. line: until what a server prints
    can be read. zip: a build of 200 MB. lost: a second host that falls silent. The host needs room for
    --servers of size micro: QUESTLOG_FLEET_MEMORY_MIB and QUESTLOG_FLEET_CPU_MILLIS of `questlog up`.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    steps = [step.strip() for step in only.split(",")] if only else list(STEPS)

    async def main() -> list[Figure]:
        unknown = [step for step in steps if step not in STEPS]
        if unknown:
            raise OrderRefusedError(f"--only knows {', '.join(STEPS)}, not {', '.join(unknown)}")
        demo = json.loads((home / "demo.json").read_bytes())
        configured = running_stack.of_home(home)
        async with open_project(configured, demo["base_url"]) as project:
            host = StackHost(home, configured)
            bench = FleetBench(home, host, project, lambda line: console.print(line, style="dim"))
            measured: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
                "idle": lambda: bench.idle(seconds),
                "start": lambda: bench.start(starts),
                "pool": lambda: bench.pool(claims),
                "burst": lambda: bench.burst(burst),
                "servers": lambda: bench.servers(servers, seconds),
                "agent": lambda: bench.agent(burst),
                "line": lambda: bench.line(seconds),
                "zip": bench.zip,
                "lost": bench.lost,
            }
            wanted = {"servers": servers, "burst": burst, "agent": burst, "pool": 2 * POOL, "lost": 2}
            await host.check_room(max(wanted.get(step, 1) for step in steps))
            found = await measured["idle"]() if "idle" in steps else []
            if TEEWORLDS_STEPS & set(steps):
                await bench.upload()
            for step in STEPS[1:]:
                found += await measured[step]() if step in steps else []
            return found

    with measuring(home, console, DrillFailedError):
        found = asyncio.run(main())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    show(console, report(found))


def report(found: Sequence[Figure]) -> Table:
    """Each figure in a row, beside what it should be at most."""
    shown = table("", "measured", "at most", "of")
    for one in found:
        aim = "" if one.aim is None else _shown(one.aim, one.unit)
        shown.add_row(one.what, _shown(one.measured, one.unit), aim, one.of)
    return shown


def _shown(value: float, unit: str) -> str:
    digits = 0 if not unit or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()
