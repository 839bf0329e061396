"""`questlog bench heatmap`: reads beside a load, and how old what they show is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.lab.bench.heatmap import HeatmapBench, Report
from deploy.lab.cli.measurement import Tell, measure_facts

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.lab.bench.relay import Relay
    from projections.clickhouse.client import ClickHouse


def heatmap_command(
    points: Annotated[int, typer.Option(min=1, max=100_000_000, help="Points to have first.")] = 10_000_000,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to read.")] = 30,
    rate: Annotated[float, typer.Option(min=1, help="Events a second that come in meanwhile.")] = 20_000,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Read heatmaps and event counts 20 times a second while events come in; leaves its points there.

    Cold reads are reported apart, and are cold only where nothing asked for them since the edge started.
    """

    async def measure(relay: Relay, clickhouse: ClickHouse, tell: Tell) -> Report:
        return await HeatmapBench(relay, clickhouse, tell).run(points=points, seconds=seconds, rate=rate)

    measure_facts(home, measure, _show, as_json=as_json)


def _show(console: Console, report: Report) -> None:
    console.print(
        f"{report.points:,} points, {report.events_a_second:,.0f} events/s accepted meanwhile, "
        f"{report.requests} reads in {report.seconds:g} s"
    )
    console.print(
        f"warm: p50 {report.warm_p50_ms:.1f} ms, p99 {report.warm_p99_ms:.1f} ms, "
        f"longest {report.warm_max_ms:.1f} ms; not served from memory: {report.not_hits or 'none'}"
    )
    console.print(
        f"age: at most {report.age_max_ms} ms behind ClickHouse; from a point's acceptance to a heatmap "
        f"that counts it p50 {report.seen_p50_ms:.0f} ms, longest {report.seen_max_ms:.0f} ms"
    )
    for name, milliseconds in report.cold_ms.items():
        console.print(f"cold: {milliseconds:.0f} ms  {name}")
    if not report.cold_ms:
        console.print("cold: none; restart the edge to measure it")
    if report.refused or report.unseen:
        console.print(f"answers other than 200: {report.refused}; points not seen: {report.unseen}")
