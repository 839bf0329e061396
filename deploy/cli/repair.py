"""`questlog repair`: after a loss of power, says what the log has lost and makes everything agree with it."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from deploy import settings
from deploy.cli import running_stack
from deploy.cli.up_settings import partitions_here
from deploy.prepare import prepare
from deploy.repair.repair import TRIMMED, find, folder_of, repair
from deploy.stack.clickhouse import clickhouse_url
from deploy.stack.ports import free_port
from deploy.stack.program import running_parts
from deploy.stack.programs import Ports, stores
from deploy.stack.redis import redis_url

app = typer.Typer()


@app.command()
def repair_command(
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stopped stack's home.")] = Path(
        ".questlog"
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what was lost and change nothing.")] = False,  # noqa: FBT002 - a typer flag
    start: Annotated[bool, typer.Option(help="Start the home's stores; without, they run already.")] = True,  # noqa: FBT002 - a typer flag
) -> None:
    """Find what the log lost, write it into HOME/lost, and make the log and all stores agree again.

    Gateways and workers must be stopped: for a stack of `up` that is checked, elsewhere stop them first. With
    --dry-run the exit code is 1 where a repair is needed.
    """
    with running_stack.lock_of(home) as lock:
        running_stack.hold(lock, home)
        sys.exit(asyncio.run(_run(home, dry_run=dry_run, start=start)))


async def _run(home: Path, *, dry_run: bool, start: bool) -> int:
    configured = running_stack.of_home(home)
    async with AsyncExitStack() as stack:
        if start:
            ports = Ports(http=0, kafka=free_port(), redis=free_port(), clickhouse=free_port())
            settings.make_secret(home)
            configured = dataclasses.replace(
                configured,
                home=home,
                kafka=f"localhost:{ports.kafka}",
                kafka_security_protocol="PLAINTEXT",
                clickhouse_cluster="",
                redis_url=redis_url(ports.redis, configured.store_password("redis user")),
                redis_sentinels=(),
                clickhouse_url=clickhouse_url(ports.clickhouse, configured.store_password("clickhouse")),
                partitions={**configured.partitions, **partitions_here(home, 1)},
            )
            await stack.enter_async_context(running_parts(stores(configured, ports), home / "logs"))
        await prepare(configured)
        found = await find(configured)
        if found.nothing_is_lost:
            print(f"the log has lost nothing that is known; {found.undecided} command record(s) to decide")
            return 0
        print("\n".join(found.lines()), flush=True)
        if found.is_trimmed:
            print(TRIMMED)
        if dry_run or found.is_trimmed:
            return 1
        await repair(configured, found, folder_of(configured), lambda line: print(line, flush=True))
    return 0
