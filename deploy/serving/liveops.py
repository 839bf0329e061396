"""What an edge process serves of live-ops."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.liveops import routes as read_routes
from api.liveops.app import LiveopsReads, create_liveops_reads
from deploy.clock import now_ms
from deploy.noun import Edge, Served
from projections.fleet.queries.state import FleetQueries
from projections.liveops.final_boards import ClickHouseFinals
from projections.liveops.projection import LIVEOPS as PROJECTION
from projections.liveops.queries import LiveopsQueries
from projections.liveops.streams import RedisStreamStores
from schemas.liveops import surface
from streams.gateway.liveops import routes as write_routes
from streams.gateway.liveops.app import LiveopsWrites

if TYPE_CHECKING:
    from projections.telemetry.queries.client import ClickHouseQueries
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def _writes(edge: Edge, commands: CommandClient, services: Services) -> LiveopsWrites:
    queries = LiveopsQueries(edge.stores.of(PROJECTION))
    secret = edge.settings.deployment_secret()
    return LiveopsWrites(services, commands, queries, queries, queries, secret=secret, randomness=os.urandom)


def _reads(edge: Edge, queries: ClickHouseQueries) -> LiveopsReads:
    stores = edge.stores.of(PROJECTION)
    liveops = LiveopsQueries(stores)
    return create_liveops_reads(
        directory=edge.directory,
        limiter=edge.limiter,
        players=liveops,
        boards=liveops,
        finals=ClickHouseFinals(queries),
        streams=RedisStreamStores(stores),
        servers=FleetQueries(edge.redis),
        now_ms=now_ms,
        trusted_proxies=edge.settings.trusted_proxies,
        cors=edge.settings.cors,
    )


SERVED: Final = Served(
    writes=_writes,
    reads=_reads,
    documents={"s3": (surface.DOCUMENT, (*read_routes.ROUTES, *write_routes.ROUTES))},
)
