"""What an edge process serves of telemetry, beside what is the gateway's and the api's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.telemetry import assignment_routes
from api.telemetry.assignments import AssignmentReads
from api.telemetry.experiment_section import ExperimentSection
from deploy.clock import now_ms
from deploy.noun import Edge, Served
from projections.studio.queries import StudioQueries
from streams.gateway import s1_routes, s4_routes

if TYPE_CHECKING:
    from projections.telemetry.queries.client import ClickHouseQueries


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


SERVED: Final = Served(
    reads=_reads,
    section=_section,
    documents={
        "s4": (s4_routes.DOCUMENT, s4_routes.ROUTES),
        "s1-ingest": (s1_routes.DOCUMENT, s1_routes.ROUTES),
        "s1-assignments": (assignment_routes.DOCUMENT, assignment_routes.ROUTES),
    },
)
