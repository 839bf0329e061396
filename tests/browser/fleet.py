"""The fleet for the page without a stack behind it: a ready store that holds none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from api.fleet.app import FleetReading, create_fleet_reads
from deploy.clock import now_ms
from projections.fleet.queries.logs import FleetLogs
from projections.fleet.queries.metrics import FleetMetrics
from projections.fleet.queries.state import FleetQueries
from projections.redis.client import connect
from projections.redis.rate_limit import RedisRateLimiter
from schemas.fleet.noun import NOUN
from schemas.fleet.variables import Variables
from schemas.seal import Sealer
from tests.browser.playtests import DATABASE

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries
    from schemas.edge.ports import Directory


class Fleet:
    """What the page reads of the fleet."""

    def __init__(self, redis_url: str, directory: Directory, queries: Queries, secret: bytes) -> None:
        self.redis = connect(f"{redis_url.rstrip('/').removesuffix('/0')}/{DATABASE}")
        self.reads: FleetReading = create_fleet_reads(
            directory=directory,
            limiter=RedisRateLimiter(self.redis),
            reads=FleetQueries(self.redis),
            logs=FleetLogs(queries),
            metrics=FleetMetrics(queries),
            variables=Variables(Sealer(secret), os.urandom),
            now_ms=now_ms,
            registry=CollectorRegistry(),
        )

    async def begin(self) -> None:
        """Say that the projection is ready. In the page's loop."""
        run_id = (await self.redis.info("server"))["run_id"]
        await self.redis.mset({f"generation:{NOUN.name}": "g1", f"ready:{NOUN.name}": run_id})

    async def close(self) -> None:
        await self.redis.aclose()
