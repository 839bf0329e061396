"""`questlog up`: start the stack, show how each part does, stop everything in order."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer
from rich.console import Console, Group
from rich.live import Live

from deploy import settings
from deploy.cli import LabMissing, has_lab, running_stack
from deploy.cli.tables import table
from deploy.nouns import counts_of, deciding
from deploy.prepare import prepare
from deploy.repair.repair import FOLDER, TRIMMED, find, folder_of, repair
from deploy.settings import Settings
from deploy.stack.clickhouse import clickhouse_url
from deploy.stack.kafka import kept_partitions
from deploy.stack.kafka_jars import default_cache
from deploy.stack.output import patient
from deploy.stack.ports import port_taken
from deploy.stack.program import ProgramSpec, ask_health, http_ok
from deploy.stack.programs import AGENT, PREPARED, Ports, processes, stores
from deploy.stack.redis import redis_url
from deploy.stack.supervisor import PartStatus, StartFailed, Supervisor
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

app = typer.Typer()
LOOK_SECONDS: Final = 2.0
SERVING_SECONDS: Final = 60.0
AWAY_SECONDS: Final = 120
"""Game servers whose stack was killed end after so long, unless the next one adopts them."""
_STATE_COLOURS: Final = {"ready": "green", "restarting": "red", "stopped": "dim"}


@app.command()
def up(  # noqa: PLR0917 - typer's options are parameters
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo studio and let bots play.")] = False,  # noqa: FBT002 - a typer flag
    play: Annotated[bool, typer.Option(help="With --demo: start the demo game's bots.")] = True,  # noqa: FBT002 - a typer flag
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="Folder of all state.")] = Path(
        ".questlog"
    ),
    host: Annotated[
        str, typer.Option(envvar="QUESTLOG_HOST", help="Address the edge listens on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="QUESTLOG_PORT", min=1, max=65535, help="Port of the edge.")
    ] = 4000,
    kafka_port: Annotated[int, typer.Option(envvar="QUESTLOG_KAFKA_PORT", min=1, max=65535)] = 9092,
    redis_port: Annotated[int, typer.Option(envvar="QUESTLOG_REDIS_PORT", min=1, max=65535)] = 6379,
    clickhouse_port: Annotated[int, typer.Option(envvar="QUESTLOG_CLICKHOUSE_PORT", min=1, max=65535)] = 8123,
    admin_port: Annotated[
        int,
        typer.Option(
            envvar="QUESTLOG_ADMIN_PORT",
            min=0,
            max=65000,
            help="First port of /metrics and /healthz; 0: free ones.",
        ),
    ] = 0,
    edges: Annotated[int, typer.Option(envvar="QUESTLOG_EDGES", min=1, max=64, help="Edge processes.")] = 1,
    workers: Annotated[
        int, typer.Option(envvar="QUESTLOG_WORKERS", min=1, max=16, help="Processes of each worker role.")
    ] = 1,
    redis_empty: Annotated[bool, typer.Option(help="Drop Redis first; it is rebuilt from the log.")] = False,  # noqa: FBT002 - a typer flag
    fleet: Annotated[  # noqa: FBT002 - a typer flag
        bool, typer.Option("--fleet/--no-fleet", help="Run game servers and process builds on this machine.")
    ] = True,
    repair: Annotated[bool, typer.Option("--repair", help="`questlog repair` first.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Start Kafka, Redis, ClickHouse, the workers and the edge on this machine. Ctrl-C stops them all.

    State is kept in HOME: a later `up` on the same home goes on where this one stopped.
    """
    if demo and not has_lab():
        raise LabMissing("`questlog up --demo`")
    os.umask(0o077)  # what a part writes, its log too, is for its owner alone
    ports = Ports(http=port, kafka=kafka_port, redis=redis_port, clickhouse=clickhouse_port, admin=admin_port)
    with running_stack.lock_of(home) as lock:
        running_stack.hold(lock, home)
        _check_ports(ports)
        settings.make_secret(home)
        configured = settings.from_environment(
            home=home,
            host=host,
            port=port,
            base_url=f"http://localhost:{port}",
            kafka=f"localhost:{kafka_port}",
            fleet_stop_servers=_unless_set("fleet_stop_servers", 1),
            fleet_away_s=_unless_set("fleet_away_s", AWAY_SECONDS),
            partitions=partitions_here(home, workers),
        )
        configured = dataclasses.replace(
            configured,
            partitions=counts_of(configured),
            redis_url=redis_url(redis_port, configured.store_password("redis")),
            clickhouse_url=clickhouse_url(clickhouse_port, configured.store_password("clickhouse")),
        )
        if demo:
            configured = with_demo_secrets(configured)
        running_stack.write(configured)
        console = Console(file=patient(sys.stdout), highlight=False, soft_wrap=True)
        _say_first_fetch(console)
        specs = stores(configured, ports, redis_empty=redis_empty)
        specs += processes(configured, ports, edges=edges, workers=workers, hosts=fleet)
        sys.exit(asyncio.run(_run(configured, specs, console, Wishes(demo, play, repair))))


def _unless_set(name: str, value: int) -> int | None:
    """A setting that holds where the environment says nothing."""
    return None if settings.PREFIX + name.upper() in os.environ else value


def partitions_here(home: Path, workers: int) -> dict[str, int]:
    """Of deciding nouns that the environment leaves open: what this home's log has, or one for each decider.

    On one machine fewer partitions make larger records: with 8 instead of 1, 32 connections got a third of
    the commands a second at four times the CPU (`questlog bench commands`).
    """
    said = settings.from_environment().partitions
    return {
        noun.name: kept_partitions(home, noun.commands.name) or workers
        for noun in deciding(Settings())
        if noun.commands.partitions_max > 1 and noun.name not in said
    }


def with_demo_secrets(configured: Settings) -> Settings:
    """The demo's operator and payment provider have secrets, those of the home where none are set."""
    return dataclasses.replace(
        configured,
        operator_token=configured.operator_token or configured.derived_secret("questlog demo operator"),
        payments_secret=configured.payments_secret or configured.derived_secret("questlog demo payments"),
    )


class Wishes(NamedTuple):
    """What the person at the screen asked for."""

    demo: bool
    play: bool
    repair: bool


async def _run(configured: Settings, specs: list[ProgramSpec], console: Console, wishes: Wishes) -> int:
    began = time.monotonic()
    supervisor = Supervisor(specs, configured.home, lambda line: console.print(line, markup=False))
    stop = _signalled(supervisor)
    screen = asyncio.create_task(_show(supervisor, console))
    code = 0
    try:
        bringing = asyncio.create_task(_bring_up(supervisor, configured, console, wishes))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({bringing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if bringing.done():
            bringing.result()
            console.print(f"ready after {time.monotonic() - began:.1f} s")
            console.print(
                f"dashboard: {configured.base_url}/dashboard/analytics   docs: {configured.base_url}/docs"
            )
            await _say_hosting(supervisor, console)
            await supervisor.watch(stop)
        bringing.cancel()
        stopped.cancel()
    except StartFailed as error:
        console.print(f"questlog: {error}", markup=False)
        code = 1
    finally:
        console.print("stopping…")
        await supervisor.stop()
        screen.cancel()
        await asyncio.gather(screen, return_exceptions=True)
        console.print("stopped")
    return code


async def _bring_up(supervisor: Supervisor, configured: Settings, console: Console, wishes: Wishes) -> None:
    async def prepared() -> None:
        try:
            lines = await prepare(configured)
            await _agree(configured, console, wishes)
        except Exception as error:  # whatever it is, the person at the screen must learn of it
            raise StartFailed(str(error) or repr(error)) from error
        for line in lines:
            console.print(line)

    await supervisor.start({PREPARED: prepared})
    await _serving(configured, console)
    if wishes.demo:
        await _start_demo(supervisor, configured, console, play=wishes.play)


async def _agree(configured: Settings, console: Console, wishes: Wishes) -> None:
    """Before anything reads the log: is any of it lost? Repairs by itself where nothing answered is lost."""
    found = await find(configured)
    for line in found.lines():
        console.print(line, markup=False)
    if found.is_trimmed:
        raise StartFailed(TRIMMED)
    if found.answered_is_lost and not wishes.repair:
        raise StartFailed(
            "the log has lost records that stores have applied and clients may have been answered. Nothing"
            " was changed. `questlog up --repair` (or `questlog repair`) writes what is known of them into"
            f" {configured.home / FOLDER} and makes all agree with the log; or put the log back from a copy."
        )
    if not found.nothing_is_lost:
        await repair(configured, found, folder_of(configured), lambda line: console.print(line, markup=False))


async def _serving(configured: Settings, console: Console) -> None:
    """Return once no projection holds the edge back, or say which address tells, and go on."""
    try:
        async with asyncio.timeout(SERVING_SECONDS):
            while not await http_ok(configured.port, "/readyz"):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.1)
    except TimeoutError:
        console.print(f"a projection is still behind the log: {configured.base_url}/readyz says which")


async def _say_hosting(supervisor: Supervisor, console: Console) -> None:
    """How this machine runs game servers, and what keeps it from containers."""
    agent = supervisor.programs.get(AGENT)
    said = await ask_health(agent.admin_port) if agent is not None else {}
    if said.get("warning"):
        console.print(f"game servers: {said['warning']}", markup=False)
    elif said.get("driver"):
        console.print(f"game servers: {said['driver']}, at {said['address']}:{said['ports']}", markup=False)


async def _start_demo(supervisor: Supervisor, configured: Settings, console: Console, *, play: bool) -> None:
    from deploy.lab.demo import load  # noqa: PLC0415 - only a demo needs it
    from streams.asking import CommandRefused  # noqa: PLC0415 - likewise

    first = not (configured.home / "demo.json").exists()
    console.print("loading the demo studio…")
    try:
        await load.load(configured)
    except (CommandRefused, StoreUnavailable) as error:
        raise StartFailed(f"the demo studio could not be loaded: {error}") from error
    if not play:
        return

    async def ready() -> bool:
        return True

    await supervisor.add(
        ProgramSpec(
            name="demo",
            argv=[
                *(sys.executable, "-m", "deploy.cli", "demo", "play", "--home", str(configured.home)),
                "--fast" if first else "--no-fast",
            ],
            environment={"OMP_NUM_THREADS": "1"},
            ready=ready,
            after=("edge",) if "edge" in supervisor.programs else ("edge-0",),
        )
    )


def _signalled(supervisor: Supervisor) -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second kills what still runs."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


async def _show(supervisor: Supervisor, console: Console) -> None:
    """A line for each part, its state and its lag.

    Kept up to date on a terminal, on each change elsewhere.
    """
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while True:
                await supervisor.look()
                live.update(Group(_table(supervisor.programs.values())), refresh=True)
                await asyncio.sleep(LOOK_SECONDS if supervisor.steady else 0.25)
    shown: dict[str, str] = {}
    while True:
        for part in supervisor.programs.values():
            if shown.get(part.name) != part.state and part.state != "waiting":
                shown[part.name] = part.state
                console.print(f"{part.name:<20} {part.state:<10} pid {part.pid or '-'}")
        await asyncio.sleep(0.25)


def _table(parts: Iterable[PartStatus]) -> Table:
    made = table("part", "state", "pid", "lag", "restarts", words=2)
    for part in parts:
        colour = _STATE_COLOURS.get(part.state, "yellow")
        lag = "" if part.lag is None else str(part.lag)
        made.add_row(
            part.name, f"[{colour}]{part.state}[/]", str(part.pid or ""), lag, str(part.restarts or "")
        )
    return made


def _check_ports(ports: Ports) -> None:
    options = {
        "http": "--port",
        "kafka": "--kafka-port",
        "redis": "--redis-port",
        "clickhouse": "--clickhouse-port",
    }
    for name, option in options.items():
        number = getattr(ports, name)
        if port_taken(number):
            variable = "QUESTLOG_" + option[2:].upper().replace("-", "_")
            raise StartFailed(f"port {number} is taken: choose another with {option} (or {variable})")
    chosen = [number for number in dataclasses.astuple(ports) if number]
    if len(set(chosen)) != len(chosen):
        raise StartFailed("two parts were given the same port")


def _say_first_fetch(console: Console) -> None:
    if not any(default_cache().glob("kafka-*/kafka_*.jar")):
        console.print("fetching Kafka by Maven (54 MB, once)…")
