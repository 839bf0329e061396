"""Telemetry: each room's part, joined. Its writes and most reads are the gateway's and the api's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.noun import Noun, Served
from projections.clickhouse.tables import Tables, Writing
from projections.telemetry.fact_tables import FACT_TABLES
from projections.telemetry.live_counters import RedisLive
from projections.telemetry.views import FOLDER as VIEWS
from schemas.telemetry.noun import NOUN
from schemas.telemetry.noun import TELEMETRY as REQUESTS

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.rebuild_plan import Plan
    from projections.telemetry.reader import TelemetryReader
    from schemas.log import LogTail
    from schemas.telemetry.forgetting import Fingerprints
    from schemas.topics import Topic


def _reader(writing: Writing, topic: Topic) -> TelemetryReader:
    from projections.telemetry.reader import TelemetryReader  # noqa: PLC0415 - numpy and pyarrow

    return TelemetryReader(
        writing.client,
        topic=topic.name,
        partitions=topic.partitions,
        tail=writing.tail,
        appender=writing.appender,
        live=RedisLive(writing.redis),
        heartbeat_age_ms=writing.heartbeat_age_ms,
        bucket_ms=writing.bucket_ms,
        fingerprints=writing.fingerprints,
    )


def _plan(
    built: ClickHouse, topic: Topic, tail: LogTail, _clock_ms: object, fingerprints: Fingerprints
) -> Plan:
    from projections.telemetry.rebuild import telemetry_plan  # noqa: PLC0415 - numpy and pyarrow

    return telemetry_plan(
        built, topic=topic.name, partitions=topic.partitions, tail=tail, fingerprints=fingerprints
    )


def _served() -> Served:
    from deploy.serving.telemetry import SERVED  # noqa: PLC0415 - see there

    return SERVED


TELEMETRY: Final = Noun(
    schema=NOUN,
    served=_served,
    tables=(
        Tables(
            topic=REQUESTS,
            reader=_reader,
            plan=_plan,
            kept=FACT_TABLES,
        ),
    ),
    views=VIEWS,
)
