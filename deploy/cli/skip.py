"""`questlog skip`: goes on without a telemetry record that the projector can't take in."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.brokers import brokers_of
from deploy.cli.running_stack import of_home
from deploy.clickhouse_clients import clickhouse_of
from deploy.nouns import topic_of
from deploy.operations import recorded
from deploy.redis_server import open_redis
from projections.clickhouse.positions import Positions
from projections.redis.failures import RedisFailures
from projections.telemetry.skipping import Decided, Skipping, SkipRefused
from schemas.telemetry.noun import TELEMETRY
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)


class SkippableTopic(StrEnum):
    """On the events topics nothing is skipped: what they say was decided and answered."""

    TELEMETRY = "telemetry"


@app.command()
def skip_command(  # noqa: PLR0917 - typer takes options as parameters
    topic: Annotated[SkippableTopic, typer.Argument(help="Nothing is skipped on the events topics.")],
    partition: Annotated[int, typer.Argument(help="As `questlog status` names it.", min=0)],
    offset: Annotated[int, typer.Argument(help="The record, as `questlog status` names it.", min=0)],
    request: Annotated[
        int | None, typer.Option(help="The request within the record; all of the record without.", min=0)
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept with the dead letter.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although no projector fails at it.")] = False,  # noqa: FBT002 - a typer flag
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
) -> None:
    """Go on without a telemetry record that the projector can't take in, or one request in it.

    The decision is appended to the log, and every reader keeps to it for ever: the worker, each rebuild, each
    later export. What is skipped becomes a dead letter. After the release that fixes it, `questlog dlq
    replay` appends it again, and it counts once. Skip a single request where `status` names one: the other
    requests in the record are other clients'.
    """
    del topic
    decided = asyncio.run(
        skip_telemetry(
            of_home(home),
            partition,
            offset,
            index=request,
            reason=reason or "skipped by an operator",
            force=force,
        )
    )
    print("was skipped already:" if decided.again else "skipped:")
    for part in decided.requests:
        print(f"  {part.kind} {part.request_id} of game {part.game_id}: {part.item_count} items")
    print(f"After the release that takes it in: questlog dlq replay {decided.letter_id}")


async def skip_telemetry(
    configured: Settings, partition: int, offset: int, *, index: int | None, reason: str, force: bool
) -> Decided:
    """Decide it on the stack of these settings. Called twice: one decision.

    Without `force` only where the projector fails. Raises SkipRefused, LogUnavailable, ClickHouseError or
    StoreUnavailable.
    """
    if not 0 <= partition < topic_of(configured, TELEMETRY).partitions:
        raise SkipRefused(f"there is no partition {partition} of {TELEMETRY.name}")
    async with AsyncExitStack() as stack:
        tail = KafkaTail(brokers_of(configured), client_id="questlog-skip")
        stack.push_async_callback(tail.stop)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-skip")
        stack.push_async_callback(appender.stop)
        client = clickhouse_of(configured)
        stack.push_async_callback(client.close)
        redis = open_redis(configured, connections=2)
        stack.push_async_callback(redis.aclose)
        skipping = Skipping(
            Positions(client, TELEMETRY.name), RedisFailures(redis).all, tail=tail, appender=appender
        )
        where = f"{TELEMETRY.name}-{partition}-{offset}" + ("" if index is None else f"-{index}")
        await stack.enter_async_context(recorded(configured, "skip", target=where))
        return await skipping.decide(partition, offset, index=index, reason=reason, force=force)
