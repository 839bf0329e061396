"""Playtests for the page without a stack behind it: a ready store that holds none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from api.playtests.app import PlaytestsReads, create_playtest_reads
from deploy.clock import now_ms
from deploy.no_ledgers import NoLedgers
from deploy.objects import FolderObjects
from projections.playtests.keys import STORED
from projections.playtests.queries import PlaytestQueries
from projections.redis.client import connect
from projections.redis.rate_limit import RedisRateLimiter
from schemas.seal import Sealer

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.edge.ports import Directory

DATABASE = 3


class Playtests:
    """What the page reads of playtests."""

    def __init__(self, redis_url: str, directory: Directory, folder: Path, secret: bytes) -> None:
        self.redis = connect(f"{redis_url.rstrip('/').removesuffix('/0')}/{DATABASE}")
        queries = PlaytestQueries(self.redis, NoLedgers())
        self.reads: PlaytestsReads = create_playtest_reads(
            directory=directory,
            limiter=RedisRateLimiter(self.redis),
            reads=queries,
            batches=queries,
            objects=FolderObjects(folder, base_url="http://127.0.0.1", secret=secret),
            sealer=Sealer(secret),
            now_ms=now_ms,
            registry=CollectorRegistry(),
        )

    async def begin(self) -> None:
        """Say that the projection is ready. In the page's loop."""
        run_id = (await self.redis.info("server"))["run_id"]
        await self.redis.mset({f"generation:{STORED}": "g1", f"ready:{STORED}": run_id})

    async def close(self) -> None:
        await self.redis.aclose()
