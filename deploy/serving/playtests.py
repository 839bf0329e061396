"""What an edge process serves of playtests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.playtests.app import PlaytestsReads, create_playtest_reads
from api.playtests.batch_section import BatchSection
from deploy.clock import now_ms
from deploy.no_ledgers import NoLedgers
from deploy.noun import Edge, Served
from deploy.sealing import open_sealer
from projections.playtests.handle_reads import ClickHouseHandles
from projections.playtests.queries import PlaytestQueries
from projections.playtests.tables import ClickHouseLedgers
from projections.redis.ended_sessions import RedisEndedSessions
from projections.redis.first_answers import RedisFirstAnswers
from schemas.edge.session_keys import SessionKeys
from schemas.playtests import batch_routes
from schemas.playtests.routes import ROUTES
from schemas.playtests.session_authority import S2_SESSIONS
from schemas.playtests.surface import DOCUMENT
from streams.gateway.playtests.app import PlaytestWrites
from streams.gateway.playtests.claims import Claims
from streams.gateway.playtests.redemptions import Redemptions
from streams.gateway.playtests.write import Stores
from streams.gateway.several_writes import SeveralWrites

if TYPE_CHECKING:
    from projections.telemetry.queries.client import ClickHouseQueries
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def open_session_keys(edge: Edge) -> SessionKeys:
    """The keys that the dashboard's sessions act with."""
    secret = edge.settings.deployment_secret()
    return SessionKeys(secret, edge.directory, RedisEndedSessions(edge.redis), S2_SESSIONS)


def _writes(edge: Edge, commands: CommandClient, services: Services) -> SeveralWrites:
    configured = edge.settings
    queries = PlaytestQueries(edge.redis, NoLedgers())
    stores = Stores(
        reads=queries,
        first_answers=RedisFirstAnswers(edge.redis),
        objects=edge.objects,
        sealer=open_sealer(configured),
    )
    orders = PlaytestWrites(
        services,
        commands,
        stores,
        randomness=os.urandom,
        operator_token=configured.operator_token,
        payments_secret=configured.payments_secret,
        transcribes=bool(configured.transcriber),
        session_keys=open_session_keys(edge),
    )
    redemptions = Redemptions(
        services,
        commands,
        queries,
        stores.sealer,
        randomness=os.urandom,
        secure_cookie=configured.base_url.startswith("https:"),
    )
    claims = Claims(services, commands, queries, stores.sealer, randomness=os.urandom)
    return SeveralWrites((orders, redemptions, claims))


def _reads(edge: Edge, queries: ClickHouseQueries) -> PlaytestsReads:
    reads = PlaytestQueries(edge.redis, ClickHouseLedgers(queries))
    return create_playtest_reads(
        directory=edge.directory,
        limiter=edge.limiter,
        reads=reads,
        batches=reads,
        objects=edge.objects,
        sealer=open_sealer(edge.settings),
        now_ms=now_ms,
        trusted_proxies=edge.settings.trusted_proxies,
        session_keys=open_session_keys(edge),
    )


def _section(edge: Edge, queries: ClickHouseQueries) -> BatchSection:
    return BatchSection(
        PlaytestQueries(edge.redis, NoLedgers()),
        ClickHouseHandles(queries),
        open_sealer(edge.settings),
        now_ms,
    )


SERVED: Final = Served(
    writes=_writes,
    reads=_reads,
    section=_section,
    documents={"s2": (DOCUMENT, ROUTES), "s1-keys": (batch_routes.DOCUMENT, batch_routes.ROUTES)},
)
