"""What forgetting a person shares, whichever noun forgets: the running stack, and waiting for ClickHouse."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.positions import Positions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from deploy.settings import Settings
    from projections.clickhouse.client import ClickHouse
    from schemas.topics import Topic
    from streams.runtime.partition_reads import KafkaTail
    from streams.runtime.producer import KafkaAppender

WAIT_S: Final = 600.0
_LOOK_S: Final = 0.25


class ForgettingRefused(Exception):
    """It was not done, or not to the end; the message is for the operator."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack, open until the stack of exits is closed."""

    configured: Settings
    client: ClickHouse
    tail: KafkaTail
    appender: KafkaAppender
    stack: AsyncExitStack
    wait_s: float


async def followed(running: Running, topic: Topic, ends: Mapping[int, int] | None = None) -> None:
    """Until ClickHouse has a topic up to these offsets, or to its end as it is now.

    Raises ForgettingRefused where it has not by then.
    """
    if ends is None:
        ends = {at: await running.tail.end_offset(topic.name, at) for at in range(topic.partitions)}
    positions, deadline = Positions(running.client, topic.name), time.monotonic() + running.wait_s
    while True:
        now = await positions.all()
        behind = [at for at, end in ends.items() if end and (at not in now or now[at].position.offset < end)]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise ForgettingRefused(
                f"it is decided in the log, but `worker clickhouse` has not followed {topic.name} in"
                f" {running.wait_s:.0f} s (partitions {', '.join(map(str, behind))}): see `questlog status`,"
                " then give the same command again"
            )
        await asyncio.sleep(_LOOK_S)
