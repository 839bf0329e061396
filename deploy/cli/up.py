"""`questlog up`: start the stack, show how each part does, stop everything in order."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console

from deploy import settings
from deploy.cli import LabMissing, has_lab, running_stack
from deploy.cli.up_screen import say_first_fetch, say_hosting, show_parts
from deploy.cli.up_settings import AWAY_SECONDS, check_ports, partitions_here, unless_set, with_demo_secrets
from deploy.nouns import counts_of
from deploy.prepare import prepare
from deploy.redis_layouts import forget_layouts
from deploy.repair.repair import FOLDER, TRIMMED, find, folder_of, repair
from deploy.settings import Settings
from deploy.stack.clickhouse import clickhouse_url
from deploy.stack.output import patient
from deploy.stack.program import ProgramSpec, http_ok
from deploy.stack.programs import PREPARED, Ports, processes, stores
from deploy.stack.redis import redis_url
from deploy.stack.supervisor import StartFailed, Supervisor
from schemas.edge.ports import StoreUnavailable

app = typer.Typer()
SERVING_SECONDS: Final = 60.0


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
    redis_empty: Annotated[  # noqa: FBT002 - a typer flag
        bool, typer.Option("--redis-empty", help="Drop Redis first; it is rebuilt from the log.")
    ] = False,
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
        check_ports(ports)
        settings.make_secret(home)
        configured = settings.from_environment(
            home=home,
            host=host,
            port=port,
            base_url=f"http://localhost:{port}",
            kafka=f"localhost:{kafka_port}",
            kafka_security_protocol="PLAINTEXT",  # of this stack's own broker, on the loopback
            clickhouse_cluster="",  # nor is its ClickHouse a cluster
            clickhouse_shards=1,
            fleet_stop_servers=unless_set("fleet_stop_servers", 1),
            fleet_away_s=unless_set("fleet_away_s", AWAY_SECONDS),
            partitions=partitions_here(home, workers),
        )
        configured = dataclasses.replace(
            configured,
            partitions=counts_of(configured),
            redis_url=redis_url(redis_port, configured.store_password("redis user")),
            redis_sentinels=(),  # of others: this stack's own Redis is the only one
            clickhouse_url=clickhouse_url(clickhouse_port, configured.store_password("clickhouse")),
        )
        if demo:
            configured = with_demo_secrets(configured)
        running_stack.write(configured)
        console = Console(file=patient(sys.stdout), highlight=False, soft_wrap=True)
        say_first_fetch(console)
        specs = stores(configured, ports, redis_empty=redis_empty)
        specs += processes(configured, ports, edges=edges, workers=workers, hosts=fleet)
        sys.exit(asyncio.run(_run(configured, specs, console, Wishes(demo, play, repair))))


class Wishes(NamedTuple):
    """What the person at the screen asked for."""

    demo: bool
    play: bool
    repair: bool


async def _run(configured: Settings, specs: list[ProgramSpec], console: Console, wishes: Wishes) -> int:
    began = time.monotonic()
    supervisor = Supervisor(specs, configured.home, lambda line: console.print(line, markup=False))
    stop = _signalled(supervisor)
    screen = asyncio.create_task(show_parts(supervisor, console))
    code = 0
    try:
        bringing = asyncio.create_task(_bring_up(supervisor, configured, console, wishes))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({bringing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if bringing.done():
            bringing.result()
            console.print(f"ready after {time.monotonic() - began:.1f} s")
            console.print(f"dashboard: {configured.base_url}/dashboard   docs: {configured.base_url}/docs")
            await say_hosting(supervisor, console)
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
            await forget_layouts(configured, wait_s=0)  # no process of an older release is left here
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
