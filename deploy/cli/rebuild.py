"""`questlog rebuild`: builds Redis or ClickHouse again from the log, beside the live one, and swaps.

`insights` reads no log: it analyses anew, in place, the sessions that the rules of an older release analysed.
`--verify` builds, compares with the live one and swaps nothing; it exits with 1 where anything differs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.brokers import brokers_of
from deploy.cli.running_stack import of_home
from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.memory import tune_memory
from deploy.nouns import tables_of
from deploy.operations import recorded
from deploy.rebuild_redis import rebuild_redis
from deploy.sealing import open_fingerprints
from projections.clickhouse import migrations
from projections.clickhouse.errors import ClickHouseError
from projections.clickhouse.rebuild_plan import RebuildFailed
from projections.clickhouse.rebuilding import rebuild_tables, second_database
from projections.redis.rebuild import RebuildFailed as RedisRebuildFailed
from projections.telemetry.insight_store import InsightStore
from projections.telemetry.session_store import SessionStore
from schemas.log import LogUnavailable
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.settings import Settings
    from projections.clickhouse.rebuild_plan import Rebuilt

app = typer.Typer(no_args_is_help=True)
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Verify = Annotated[bool, typer.Option("--verify", help="Compare with the live one and swap nothing.")]
Discard = Annotated[
    bool, typer.Option("--discard", help="Redis only: replace positions of another or a shortened log.")
]
Group = Annotated[
    int | None,
    typer.Option("--group", help="Redis only: the store of one group of QUESTLOG_REDIS_GROUPS, from 0."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Target(StrEnum):
    """What to build again."""

    CLICKHOUSE = "clickhouse"
    REDIS = "redis"
    INSIGHTS = "insights"
    ALL = "all"


@app.command()
def rebuild_command(
    target: Annotated[Target, typer.Argument(help="What to build again.")],
    *,
    home: Home = None,
    verify: Verify = False,
    discard: Discard = False,
    group: Group = None,
    as_json: Json = False,
) -> None:
    """Build again from the log, beside the live one, and swap; or analyse anew what older rules analysed."""
    if target is Target.INSIGHTS and (verify or discard):
        raise typer.BadParameter("insights has no options; `rebuild clickhouse --verify` compares them")
    if group is not None and target is not Target.REDIS:
        raise typer.BadParameter("--group is of `rebuild redis` alone")
    configured = of_home(home)
    tune_memory()
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name)
            bar.update(tasks[name], completed=done, total=total)

        try:
            results = asyncio.run(
                _rebuilt(configured, target, progress, verify=verify, discard=discard, group=group)
            )
        except (
            RebuildFailed,
            RedisRebuildFailed,
            LogUnavailable,
            ClickHouseError,
            RedisError,
        ) as error:
            bar.stop()
            print(f"not rebuilt: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
    print(json.dumps(results) if as_json else "\n".join(map(sentence, results)))
    if any(result["different"] for result in results):
        raise typer.Exit(1)


async def _rebuilt(
    configured: Settings,
    target: Target,
    progress: Callable[[str, int, int], None],
    *,
    verify: bool,
    discard: bool,
    group: int | None,
) -> list[dict[str, Any]]:
    """What came of each store. One that changes what readers see is recorded as an operator's act."""
    results: list[dict[str, Any]] = []
    async with nullcontext() if verify else recorded(configured, "rebuild", target=target):
        if target in {Target.REDIS, Target.ALL}:
            results += await _redis(configured, progress, verify=verify, discard=discard, group=group)
        if target in {Target.CLICKHOUSE, Target.ALL}:
            results += await rebuild_clickhouse(configured, progress, verify=verify)
        if target is Target.INSIGHTS:
            results += await rebuild_insights(configured, progress)
    return results


async def _redis(
    configured: Settings,
    progress: Callable[[str, int, int], None],
    *,
    verify: bool,
    discard: bool,
    group: int | None,
) -> list[dict[str, Any]]:
    begun = time.monotonic()
    found = await rebuild_redis(configured, verify=verify, discard=discard, group=group, progress=progress)
    seconds = time.monotonic() - begun
    return [
        {
            "store": "redis",
            "noun": one.noun,
            "records": one.records,
            "swapped": one.swapped,
            "verified": verify,
            "different": one.different,
            "compared": f"{one.keys} keys",
            "seconds": round(seconds, 2),
        }
        for one in found
    ]


async def rebuild_clickhouse(
    configured: Settings, progress: Callable[[str, int, int], None], *, verify: bool
) -> list[dict[str, Any]]:
    """Rebuild and swap each noun's tables, or with `verify` compare and swap nothing; what came of each."""
    database = configured.clickhouse_database
    live = clickhouse_of(configured, answer_seconds=600)
    built = clickhouse_of(configured, database=f"{database}_rebuild", answer_seconds=600)
    tail = KafkaTail(brokers_of(configured), client_id="questlog-rebuild-clickhouse")
    found = []
    try:
        async with second_database(live, built):
            for noun, topic, tables in tables_of(configured):
                begun = time.monotonic()
                plan = tables.plan(built, topic, tail, now_ms, open_fingerprints(configured))
                one = await rebuild_tables(
                    live,
                    built,
                    plan,
                    tail=tail,
                    progress=partial(progress, f"clickhouse {topic.name}"),
                    clock_ms=now_ms,
                    verify=verify,
                )
                seconds = time.monotonic() - begun
                found.append(clickhouse_result(noun, plan.topic, one, seconds, verify=verify))
    finally:
        await tail.stop()
        await live.close()
        await built.close()
    return found


async def rebuild_insights(
    configured: Settings, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Analyse anew what older rules analysed, beside workers that go on. Called twice: nothing is left."""
    begun = time.monotonic()
    client = clickhouse_of(configured, answer_seconds=600)
    store = InsightStore(client, SessionStore(client))
    try:
        await migrations.apply(client)
        outdated = await store.outdated()
        done = await store.analyse_outdated(
            f"insights:{now_ms()}", lambda so_far: progress("insights", so_far, max(outdated, so_far))
        )
    finally:
        await client.close()
    seconds = round(time.monotonic() - begun, 2)
    return [
        {"store": "clickhouse", "noun": "insights", "sessions": done, "different": [], "seconds": seconds}
    ]


def clickhouse_result(noun: str, topic: str, one: Rebuilt, seconds: float, *, verify: bool) -> dict[str, Any]:
    """What `--json` prints of the tables of one topic; a noun may have several."""
    return {
        "store": "clickhouse",
        "noun": noun,
        "topic": topic,
        "records": one.records,
        "swapped": one.swapped,
        "verified": verify,
        "different": one.different,
        "compared": f"{sum(own.rows for own in one.live.values())} rows in {len(one.live)} tables",
        "uncompared": one.uncompared,
        "left": one.left,
        "forgotten": {f"{topic}[{partition}]": first for partition, first in one.forgotten.items()},
        "behind": [
            f"{topic}[{partition}] at {one.positions[partition]} of {end}"
            for partition, end in one.ends.items()
            if one.positions[partition] < end
        ],
        "positions": {str(partition): offset for partition, offset in one.positions.items()},
        "tables": {
            table: {"live": own.rows, "built": one.built[table].rows, "equal": own == one.built[table]}
            for table, own in one.live.items()
        },
        "seconds": round(seconds, 2),
    }


def sentence(result: dict[str, Any]) -> str:
    """A result in words."""
    if "sessions" in result:
        return (
            f"insights: {result['sessions']} sessions of older rules analysed anew in {result['seconds']} s"
        )
    of = result.get("topic", result["noun"])
    name = f"{result['store']} {of}: {result['records']} records in {result['seconds']} s"
    if not result["verified"]:
        done = f"{name}, swapped"
    elif result["different"]:
        done = f"{name}, DIFFERENT from the live one: {', '.join(result['different'][:20])}"
    else:
        done = f"{name}, equal to the live one ({result['compared']})"
    if result.get("uncompared"):
        done += (
            f"; the insights of {result['uncompared']} sessions are by other rules and were not compared:"
            " `questlog rebuild insights` analyses those of older rules anew"
        )
    if result.get("forgotten"):
        begins = ", ".join(f"{name} at {first}" for name, first in result["forgotten"].items())
        done += f"; the log begins later ({begins}): what came before was copied from the live tables"
    if not result.get("left"):
        return done
    return (
        f"{done} as far as the live worker has come, {result['left']} records before the log's end"
        f" ({', '.join(result['behind'])}). The worker goes on there. If it does not, it fails on that"
        " record, and a rebuild can't help: see its log."
    )
