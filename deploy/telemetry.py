"""Telemetry: each room's part, joined. Its writes and most reads are the gateway's and the api's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.telemetry import assignment_routes
from api.telemetry.assignments import AssignmentReads
from api.telemetry.experiment_section import ExperimentSection
from deploy.clock import now_ms
from deploy.noun import Edge, Noun
from projections.clickhouse.tables import Tables, Writing
from projections.studio.queries import StudioQueries
from projections.telemetry.live_counters import RedisLive
from projections.telemetry.reader import TelemetryReader
from projections.telemetry.rebuild import telemetry_plan
from projections.telemetry.stores import FACT_TABLES
from schemas.telemetry.noun import NOUN
from schemas.telemetry.noun import TELEMETRY as REQUESTS
from streams.gateway import s1_routes, s4_routes

if TYPE_CHECKING:
    from projections.telemetry.queries.client import ClickHouseQueries
    from schemas.topics import Topic


def _reader(writing: Writing, topic: Topic) -> TelemetryReader:
    return TelemetryReader(
        writing.client,
        topic=topic.name,
        partitions=topic.partitions,
        tail=writing.tail,
        appender=writing.appender,
        live=RedisLive(writing.redis),
        heartbeat_age_ms=writing.heartbeat_age_ms,
        bucket_ms=writing.bucket_ms,
    )


def _reads(edge: Edge, _queries: ClickHouseQueries) -> AssignmentReads:
    return AssignmentReads(
        directory=edge.directory,
        experiments=edge.directory,
        limiter=edge.limiter,
        trusted_proxies=edge.settings.trusted_proxies,
        cors=edge.settings.cors,
    )


def _section(edge: Edge, queries: ClickHouseQueries) -> ExperimentSection:
    return ExperimentSection(edge.directory, StudioQueries(edge.redis), queries, now_ms)


TELEMETRY: Final = Noun(
    schema=NOUN,
    reads=_reads,
    section=_section,
    tables=(
        Tables(
            topic=REQUESTS,
            reader=_reader,
            plan=lambda built, topic, tail, _clock_ms: telemetry_plan(
                built, topic=topic.name, partitions=topic.partitions, tail=tail
            ),
            kept=FACT_TABLES,
        ),
    ),
    documents={
        "s4": (s4_routes.DOCUMENT, s4_routes.ROUTES),
        "s1-ingest": (s1_routes.DOCUMENT, s1_routes.ROUTES),
        "s1-assignments": (assignment_routes.DOCUMENT, assignment_routes.ROUTES),
    },
)
