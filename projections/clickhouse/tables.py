"""A noun's tables in ClickHouse: how they are written, built again and kept when the log has lost records."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from projections.clickhouse.noun_rebuild import tables_plan
from projections.clickhouse.noun_tables import NounTables, TableSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.rebuild_plan import Plan
    from schemas.log import Appender, LogReader, LogTail
    from schemas.telemetry.forgetting import Fingerprints
    from schemas.topics import Topic


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """What a worker that writes tables has open."""

    client: ClickHouse
    redis: Redis
    tail: LogTail
    appender: Appender
    clock_ms: Callable[[], int]
    heartbeat_age_ms: Callable[[], float]
    """How old the consumer group's last good heartbeat is."""
    bucket_ms: int
    """Width of a batch in log time."""
    fingerprints: Fingerprints
    """Tell who is forgotten."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The functions get the topic with the deployment's partition count."""

    topic: Topic
    """What is read."""
    reader: Callable[[Writing, Topic], LogReader]
    """Writes the live tables."""
    plan: Callable[[ClickHouse, Topic, LogTail, Callable[[], int], Fingerprints], Plan]
    """How they are built again in a database; the last arguments are the clock (ms) and who is forgotten."""
    kept: tuple[str, ...]
    """What tells of each record: tables with `_partition` and `_offset`, whose rows a repair keeps."""


def event_tables(topic: Topic, tables: TableSet, *, kept: tuple[str, ...] = ()) -> Tables:
    """The tables of a noun's events, or of another of its topics."""
    return Tables(
        topic=topic,
        reader=lambda writing, _topic: NounTables(
            writing.client, tables, tail=writing.tail, clock_ms=writing.clock_ms
        ),
        plan=lambda built, topic, tail, clock_ms, _fingerprints: tables_plan(
            built, tables, partitions=topic.partitions, tail=tail, clock_ms=clock_ms
        ),
        kept=kept,
    )
