"""`questlog bench`: load the running stack of a home, and print its figures beside those of its stores."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli import running_stack
from deploy.lab.bench import ceilings, mix, report
from deploy.lab.bench.ingest import SINGLE_CONNECTIONS, Ingest, Phase, Report
from deploy.lab.bench.load import CONNECTIONS_MAX, SECONDS_MAX, OrderRefusedError
from deploy.lab.bench.relay import Relay, read_relay
from deploy.lab.cli.bench_analytics import analytics_command
from deploy.lab.cli.bench_experiments import experiments_command
from deploy.lab.cli.bench_fleet import fleet_command
from deploy.lab.cli.bench_handles import handles_command
from deploy.lab.cli.bench_heatmap import heatmap_command
from deploy.lab.cli.bench_liveops import commands_command, reads_command
from deploy.lab.cli.bench_playtests import playtests_command
from deploy.lab.cli.bench_questions import questions_command
from deploy.lab.cli.bench_s1 import s1_command
from deploy.lab.cli.bench_scale import scale_command
from deploy.lab.cli.bench_streams import streams_command
from deploy.lab.cli.measurement import facts_of, measuring
from deploy.nouns import topic_of
from schemas.telemetry.noun import TELEMETRY

app = typer.Typer(help="Measure the running stack.", no_args_is_help=True)
WARM_UP_SECONDS: Final = 2.0
"""Before anything is measured: Java compiles, caches fill. Not reported."""


@app.callback()
def _bench() -> None:
    """Measure the running stack."""


app.command("analytics")(analytics_command)
app.command("heatmap")(heatmap_command)
app.command("commands")(commands_command)
app.command("reads")(reads_command)
app.command("streams")(streams_command)
app.command("playtests")(playtests_command)
app.command("fleet")(fleet_command)
app.command("experiments")(experiments_command)
app.command("s1")(s1_command)
app.command("handles")(handles_command)
app.command("questions")(questions_command)
app.command("scale")(scale_command)


@app.command("ingest")
def ingest_command(  # noqa: PLR0917 - typer takes options as parameters
    seconds: Annotated[float, typer.Option(min=1, max=SECONDS_MAX, help="Length of each measurement.")] = 10,
    batch: Annotated[int, typer.Option(min=2, max=10_000, help="Events in a batch.")] = 100,
    connections: Annotated[int, typer.Option(min=1, max=CONNECTIONS_MAX)] = 32,
    rate: Annotated[
        float, typer.Option(min=1, help="Events a second to hold in the second measurement.")
    ] = 60_000,
    only: Annotated[str, typer.Option(help="Some of hold,single,accept,ceilings, in that order.")] = "",
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Send S4 events to the demo game `relay` of HOME's stack; leaves them there.

    accept: as fast as answers come. hold: at --rate. single: one event a request. ceilings: bare Kafka append
    of the same records, bare ClickHouse insert of the same rows. Of 100 events 80 are gameplay events, 10
    funnel steps, 9 trajectories of 10 points, 1 is a player; points count as rows, not as events.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    steps = [step.strip() for step in (only or "hold,single,accept,ceilings").split(",")]
    with measuring(home, console):
        relay = read_relay(home)
        found, bare = asyncio.run(
            _run(
                home, relay, console, steps, seconds=seconds, batch=batch, connections=connections, rate=rate
            )
        )
    if as_json:
        body = Report(
            mix=mix.STATED, phases=found, ceilings=[msgspec.to_builtins(ceiling) for ceiling in bare]
        )
        print(msgspec.json.encode(body).decode())
    else:
        console.print(mix.STATED)
        report.show_report(console, found, bare)


async def _run(
    home: Path,
    relay: Relay,
    console: Console,
    steps: list[str],
    *,
    seconds: float,
    batch: int,
    connections: int,
    rate: float,
) -> tuple[list[Phase], list[ceilings.Ceiling]]:
    settings = running_stack.of_home(home)
    async with facts_of(home, relay) as clickhouse:
        run = Ingest(home, relay, clickhouse, lambda line: console.print(line, style="dim"))
        orders = {
            "accept": ("accept", run.order(seconds=seconds, batch=batch, connections=connections)),
            "hold": (
                f"hold {rate:,.0f}/s",
                run.order(seconds=seconds, batch=batch, connections=connections, rate=rate),
            ),
            "single": ("single events", run.order(seconds=seconds, batch=1, connections=SINGLE_CONNECTIONS)),
        }
        unknown = [step for step in steps if step not in {*orders, "ceilings"}]
        if unknown:
            names = ", ".join(unknown)
            raise OrderRefusedError(f"--only knows accept, hold, single and ceilings, not {names}")
        await run.phase("warm-up", run.order(seconds=WARM_UP_SECONDS, batch=batch, connections=connections))
        begin = await ceilings.end_offsets(relay.kafka, topic_of(settings, TELEMETRY).partitions)
        phases = [await run.phase(*orders[step]) for step in steps if step in orders]
        rows_by_table = {
            table: round(rows * max(rate, 1.0) / 100)
            for table, rows in mix.rows_of(100).items()
            if table != "players"
        }
        bare = await run.ceilings(begin, rows_by_table) if "ceilings" in steps else []
    return phases, bare
