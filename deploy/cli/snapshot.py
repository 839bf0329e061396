"""`questlog snapshot`: fold the log with this release's code, so that its deciders start from there.

Deciders keep snapshots by themselves, but only use those that the same code has folded. Run by a new release
before its deciders are started, beside those of the old one.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.brokers import brokers_of
from deploy.cli.running_stack import of_home
from deploy.memory import tune_memory
from deploy.object_store import open_objects
from deploy.roles.decider import deciders
from streams.deciders.snapshots import ObjectSnapshots
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.settings import Settings

app = typer.Typer()
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def snapshot_command(home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Fold the log with this release's code and keep the result. Nothing is decided; again is harmless."""
    tune_memory()
    asyncio.run(_tell(of_home(home), as_json=as_json))


async def _tell(configured: Settings, *, as_json: bool) -> None:
    async for made in make_snapshots(configured):
        if as_json:
            print(json.dumps(made), flush=True)
        else:
            print(
                f"{made['noun']}[{made['partition']}]: {made['records']:,} records folded, "
                f"{made['bytes']:,} bytes kept, {made['seconds']:.1f} s",
                flush=True,
            )


async def make_snapshots(configured: Settings) -> AsyncIterator[dict[str, Any]]:
    """Each partition of each noun in turn: what was folded and kept.

    Raises LogUnavailable, ObjectStoreError or OSError: what was reported before is kept.
    """
    async with AsyncExitStack() as stack:
        tail = KafkaTail(brokers_of(configured), client_id="questlog-snapshot")
        stack.push_async_callback(tail.stop)
        appender = KafkaAppender(brokers_of(configured))  # never started: nothing is decided here
        snapshots = ObjectSnapshots(open_objects(configured))
        for commands, reader in deciders(configured, tail, appender, snapshots):
            for partition in range(commands.partitions):
                begun = time.perf_counter()
                await reader.assigned(partition)
                records = reader.folded(partition)
                size_bytes = await reader.save(partition)
                await reader.revoked(partition)
                yield {
                    "noun": reader.noun,
                    "partition": partition,
                    "records": records,
                    "bytes": size_bytes,
                    "seconds": round(time.perf_counter() - begun, 3),
                }
