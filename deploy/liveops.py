"""Live-ops: each room's part, joined."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.liveops import routes as read_routes
from api.liveops.app import LiveopsReads, create_liveops_reads
from deploy.clock import now_ms
from deploy.noun import Acting, Edge, Effect, Noun, Tick
from projections.clickhouse.tables import event_tables
from projections.liveops.final_boards import ClickHouseFinals
from projections.liveops.projection import LIVEOPS as PROJECTION
from projections.liveops.queries import LiveopsQueries
from projections.liveops.streams import RedisBoardStreams
from projections.liveops.table_rows import EVENTS_TABLE
from projections.liveops.tables import LIVEOPS_TABLES
from projections.liveops.webhooks import LIVEOPS as NOTIFIED
from schemas.liveops import surface
from schemas.liveops.noun import LIVEOPS_EVENTS, NOUN
from streams.deciders.liveops.noun import LIVEOPS as DECIDER
from streams.gateway.liveops import routes as write_routes
from streams.gateway.liveops.app import LiveopsWrites
from streams.liveops.lobbies import LobbyManager
from streams.liveops.rank_rewards import RankRewards
from streams.liveops.windows import WindowManager

if TYPE_CHECKING:
    from projections.redis.effect_positions import RedisPositions
    from projections.telemetry.queries.client import ClickHouseQueries
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def _writes(edge: Edge, commands: CommandClient, services: Services) -> LiveopsWrites:
    queries = LiveopsQueries(edge.redis)
    secret = edge.settings.deployment_secret()
    return LiveopsWrites(services, commands, queries, queries, queries, secret=secret, randomness=os.urandom)


def _reads(edge: Edge, queries: ClickHouseQueries) -> LiveopsReads:
    liveops = LiveopsQueries(edge.redis)
    return create_liveops_reads(
        directory=edge.directory,
        limiter=edge.limiter,
        players=liveops,
        boards=liveops,
        finals=ClickHouseFinals(queries),
        streams=RedisBoardStreams(edge.redis),
        now_ms=now_ms,
        trusted_proxies=edge.settings.trusted_proxies,
        cors=edge.settings.cors,
    )


def _rank_rewards(acting: Acting, positions: RedisPositions) -> RankRewards:
    return RankRewards(acting.asker, topic=acting.events, tail=acting.tail, positions=positions)


def _managers(acting: Acting) -> dict[str, Tick]:
    dues = LiveopsQueries(acting.redis)
    return {
        "windows": WindowManager(acting.asker, dues, partitions=acting.events.partitions).tick,
        "lobbies": LobbyManager(acting.asker, dues).tick,
    }


LIVEOPS: Final = Noun(
    schema=NOUN,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(event_tables(LIVEOPS_EVENTS, LIVEOPS_TABLES, kept=(EVENTS_TABLE,)),),
    notified=NOTIFIED,
    effects={"rank-rewards": Effect(open=_rank_rewards)},
    managers=_managers,
    writes=_writes,
    reads=_reads,
    documents={"s3": (surface.DOCUMENT, (*read_routes.ROUTES, *write_routes.ROUTES))},
)
