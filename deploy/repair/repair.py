"""`find` says what a log that lost its end leaves behind; `Repair` makes all agree with the log again.

Where no store holds what the log has lost, nothing that was answered is lost, and `questlog up` repairs by
itself. Otherwise answers were given to what is gone: a person asks for the repair, and gets a folder that
says what it was. Everything else must be stopped, and the stores must run.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.brokers import brokers_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.nouns import deciding
from deploy.object_store import open_objects
from deploy.rebuild_redis import rebuild_redis
from deploy.repair.answers import Comparison
from deploy.repair.kept_rows import write_lost_rows
from deploy.repair.late_decisions import decide_partition
from deploy.repair.matching import Chain, chain_of, repair_chain
from deploy.repair.positions import (
    CLICKHOUSE,
    EXPORT,
    REDIS,
    WEBHOOKS,
    Ahead,
    begin_webhooks_again,
    known_positions,
    positions_ahead,
    set_export_back,
)
from deploy.repair.skips import LostSkips, lost_skips, restore_skips
from deploy.roles.decider import deciders
from streams.deciders.snapshots import ObjectSnapshots
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from deploy.settings import Settings
    from schemas.envelope import Decided

FOLDER: Final = "lost"
"""In the home: a folder for each repair."""
REPORT: Final = "report.json"
TRIMMED: Final = (
    "The log begins after what a store needs of it, and a repair can't build what is gone: restore that store"
    " or the topic from a backup. Nothing was changed."
)


class Found(msgspec.Struct, frozen=True):
    """All partitions of commands, and the stores that hold what the log has lost."""

    chains: list[Chain]
    ahead: list[Ahead]
    skips: LostSkips = LostSkips()

    @property
    def answered_is_lost(self) -> bool:
        """Whether a store holds what the log has lost, so that a client may have read it."""
        return bool(self.ahead)

    @property
    def nothing_is_lost(self) -> bool:
        """Whether all is as it must be; there may be commands to decide."""
        broken = any(chain.broken for chain in self.chains)
        return not (self.ahead or broken or self.skips.unlisted or self.skips.letters)

    @property
    def is_trimmed(self) -> bool:
        """Whether a store needs records from before the log's beginning: `repair` must not begin then."""
        return any(one.trimmed for one in self.ahead)

    @property
    def undecided(self) -> int:
        """Command records that wait to be decided."""
        return sum(chain.undecided for chain in self.chains)

    def lines(self) -> list[str]:
        """One for each thing that is wrong, for a person."""
        return (
            [str(chain) for chain in self.chains if chain.broken]
            + [
                f"{one.store}: {one.why.rstrip()}" + (f" ({one.lost} records are lost)" if one.lost else "")
                for one in self.ahead
            ]
            + self.skips.lines()
        )


async def find(configured: Settings) -> Found:
    """Look at commands, positions in the stores, and decisions to skip. Changes nothing that counts.

    Raises LogUnavailable, RedisError, ClickHouseError or ObjectStoreError.
    """
    async with AsyncExitStack() as stack:
        tail = KafkaTail(brokers_of(configured), client_id="questlog-repair")
        stack.push_async_callback(tail.stop)
        known = await known_positions(configured, tail)
        chains = []
        for noun in deciding(configured):
            for partition in range(noun.commands.partitions):
                at = known.get((noun.events.name, partition), (0, -1))
                chains.append(await chain_of(tail, (noun.commands, noun.events), partition, at))
        client = clickhouse_of(configured)
        stack.push_async_callback(client.close)
        ahead = await positions_ahead(configured, tail, open_objects(configured))
        return Found(chains, ahead, await lost_skips(client, tail))


async def repair(configured: Settings, found: Found, folder: Path, say: Callable[[str], None]) -> None:
    """Make everything agree with the log; what was lost is reported by `say` and written into `folder`.

    Called again after it broke off: goes on, as everything is looked at anew by `find`.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "found_at_ms": now_ms(),
        "found": found.lines(),
        "positions": [msgspec.to_builtins(one) for one in found.ahead],
    }
    stores = {one.store for one in found.ahead}
    if CLICKHOUSE in stores:
        beyond = [one for one in found.ahead if one.store == CLICKHOUSE and one.lost]
        report["rows"] = await write_lost_rows(configured, beyond, folder)
        for table, rows in report["rows"].items():
            say(f"{rows} rows of lost records are in {folder / table}.ndjson")
    async with AsyncExitStack() as stack:
        tail = KafkaTail(brokers_of(configured), client_id="questlog-repair")
        stack.push_async_callback(tail.stop)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-repair")
        stack.push_async_callback(appender.stop)
        await restore_skips(found.skips, appender)
        report["commands"] = [line for chain in found.chains for line in await repair_chain(chain, appender)]
        comparison = Comparison(configured)
        stack.push_async_callback(comparison.close)
        report["decided"] = await decide_late(configured, tail, appender, comparison.add)
        report["answers_that_differ"] = comparison.different
        for where, records in report["decided"].items():
            say(f"{where}: {records} command records were decided")
        if comparison.different:
            say(f"{len(comparison.different)} commands were answered otherwise before: see {REPORT}")
        objects = open_objects(configured)
        if EXPORT in stores:
            await set_export_back(objects, [one for one in found.ahead if one.store == EXPORT])
            say("the next export begins where the log lost its end, or at its start where that can't be told")
        if WEBHOOKS in stores:
            webhooks = [one for one in found.ahead if one.store == WEBHOOKS]
            await begin_webhooks_again(configured, tail, webhooks)
            say("webhooks of the last 24 hours are sent again")
    if REDIS in stores:
        keys: set[bytes] = set()
        await rebuild_redis(configured, discard=True, progress=_quiet, forgotten=keys.update)
        report["answers_forgotten"] = sorted(key.decode().removeprefix("outcome:") for key in keys)
        say(f"Redis was built again from the log; answers to {len(keys)} lost commands are forgotten")
    if CLICKHOUSE in stores:
        from deploy.cli.rebuild import rebuild_clickhouse  # noqa: PLC0415 - it brings typer and rich

        for one in await rebuild_clickhouse(configured, _quiet, verify=False):
            say(f"ClickHouse was built again from the log: {one['topic']}, {one['records']} records")
    (folder / REPORT).write_text(json.dumps(report, indent=1))
    say(f"what was found and done is in {folder / REPORT}")


def folder_of(configured: Settings) -> Path:
    """Where a repair that begins now writes what was lost."""
    return configured.home / FOLDER / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"


async def decide_late(
    configured: Settings,
    tail: KafkaTail,
    appender: KafkaAppender,
    decided: Callable[[str, Decided], Awaitable[None]],
) -> dict[str, int]:
    """Decide what the events do not answer; how many command records of each partition."""
    counts: dict[str, int] = {}
    snapshots = ObjectSnapshots(open_objects(configured))
    for noun, (commands, reader) in zip(
        deciding(configured), deciders(configured, tail, appender, snapshots), strict=True
    ):
        both, log = (commands, noun.events), (tail, appender)
        for partition in range(commands.partitions):
            records = await decide_partition(noun.decider, reader, both, partition, log=log, decided=decided)
            if records:
                counts[f"{commands.name}[{partition}]"] = records
    return counts


def _quiet(_name: str, _done: int, _total: int) -> None:
    """A repair tells what it did, not how far it is."""
