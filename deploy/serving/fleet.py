"""What an edge process serves of the fleet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.fleet.app import FleetReading, create_fleet_reads
from deploy.clock import now_ms
from deploy.noun import Edge, Served
from deploy.sealing import open_fleet_sealer
from projections.fleet.queries.logs import FleetLogs
from projections.fleet.queries.metrics import FleetMetrics
from projections.fleet.queries.state import FleetQueries
from projections.redis.ended_sessions import RedisEndedSessions
from schemas.edge.session_keys import SessionKeys
from schemas.fleet.routes import DOCUMENTED, V2_DOCUMENTED
from schemas.fleet.session_authority import S5_SESSIONS
from schemas.fleet.surface import DOCUMENT, V2_DOCUMENT
from schemas.fleet.variables import Variables
from streams.gateway.fleet.app import FleetWrites
from streams.gateway.fleet.handlers import Stores

if TYPE_CHECKING:
    from projections.telemetry.queries.client import ClickHouseQueries
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def open_session_keys(edge: Edge) -> SessionKeys:
    """The keys that the dashboard's sessions act with."""
    secret = edge.settings.deployment_secret()
    return SessionKeys(secret, edge.directory, RedisEndedSessions(edge.redis), S5_SESSIONS)


def _writes(edge: Edge, commands: CommandClient, services: Services) -> FleetWrites:
    stores = Stores(
        directory=services.directory,
        reads=FleetQueries(edge.redis),
        objects=edge.objects,
        sealer=open_fleet_sealer(edge.settings),
    )
    return FleetWrites(
        services, commands, stores, randomness=os.urandom, session_keys=open_session_keys(edge)
    )


def _reads(edge: Edge, queries: ClickHouseQueries) -> FleetReading:
    return create_fleet_reads(
        directory=edge.directory,
        limiter=edge.limiter,
        reads=FleetQueries(edge.redis),
        logs=FleetLogs(queries),
        metrics=FleetMetrics(queries),
        variables=Variables(open_fleet_sealer(edge.settings), os.urandom),
        now_ms=now_ms,
        trusted_proxies=edge.settings.trusted_proxies,
        cors=edge.settings.cors,
    )


SERVED: Final = Served(
    writes=_writes,
    reads=_reads,
    documents={"s5": (DOCUMENT, DOCUMENTED), "s5-v2": (V2_DOCUMENT, V2_DOCUMENTED)},
)
