"""`questlog bench analytics`: builds side by side, journeys and forms over many sessions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.lab.bench.analytics import AnalyticsBench, Report
from deploy.lab.cli.measurement import Tell, measure_facts

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.lab.bench.relay import Relay
    from projections.clickhouse.client import ClickHouse


def analytics_command(
    sessions: Annotated[int, typer.Option(min=10, max=1_000_000, help="Sessions to have first.")] = 100_000,
    events: Annotated[int, typer.Option(min=1, max=1_000, help="Events of each.")] = 100,
    reads: Annotated[int, typer.Option(min=10, max=10_000, help="Reads of each kind.")] = 100,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Compare builds, tell journeys and list forms over many sessions; leaves its sessions there.

    Cold comparisons are cold only where nothing asked for them since the edge started.
    """

    async def measure(relay: Relay, clickhouse: ClickHouse, tell: Tell) -> Report:
        bench = AnalyticsBench(relay, clickhouse, tell)
        return await bench.run(sessions=sessions, events=events, reads=reads)

    measure_facts(home, measure, _show, as_json=as_json)


def _show(console: Console, report: Report) -> None:
    console.print(f"{report.sessions:,} sessions, {report.events:,} events, {report.insights:,} insights")
    for name, times in report.reads.items():
        console.print(
            f"{name}: p50 {times.p50:.1f} ms, p99 {times.p99:.1f} ms, "
            f"longest {times.longest:.1f} ms of {times.count}"
        )
    if report.refused:
        console.print(f"answers other than 200: {report.refused}")
