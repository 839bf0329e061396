"""`questlog bench experiments`: assignments a second, and what a comparison costs with nothing cached."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.lab.bench.experiments import AssignmentReport, ComparisonReport, assignments, comparison
from deploy.lab.bench.load import CONNECTIONS_MAX, SECONDS_MAX
from deploy.lab.cli.measurement import measuring


def experiments_command(  # noqa: PLR0917 - typer takes options as parameters
    seconds: Annotated[float, typer.Option(min=1, max=SECONDS_MAX, help="How long to ask.")] = 10,
    connections: Annotated[int, typer.Option(min=1, max=CONNECTIONS_MAX)] = 32,
    sessions: Annotated[int, typer.Option(min=100, max=1_000_000, help="Sessions to compare.")] = 100_000,
    events: Annotated[int, typer.Option(min=100, help="Events that these have.")] = 10_000_000,
    times: Annotated[int, typer.Option(min=1, max=100, help="Comparisons, one after the other.")] = 5,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Ask for variants over HTTP, then compare in a database of its own that is dropped afterwards.

    It leaves a studio with three running experiments.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    settings = running_stack.of_home(home)

    async def run() -> tuple[AssignmentReport, ComparisonReport]:
        asked = await assignments(settings, seconds=seconds, connections=connections)
        compared = await comparison(
            settings.clickhouse_url,
            sessions=sessions,
            events=events,
            times=times,
            tell=lambda line: console.print(line, style="dim"),
        )
        return asked, compared

    with measuring(home, console):
        asked, compared = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode({"assignments": asked, "comparison": compared}).decode())
        return
    console.print(
        f"assignments: {asked.a_second:,.0f} a second at {asked.cpu_us:.0f} us CPU in the edge, "
        f"p50 {asked.p50_ms:.1f} ms, p99 {asked.p99_ms:.1f} ms, {connections} connections; "
        f"{asked.refused} refused"
    )
    cold = ", ".join(f"{one:.0f}" for one in compared.cold_ms)
    console.print(
        f"comparison of {compared.sessions:,} sessions ({compared.events:,} events, "
        f"{compared.insights:,} insights): {cold} ms"
    )
