"""Playtests: each room's part, joined."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.playtests.app import PlaytestsReads, create_playtest_reads
from api.playtests.batch_section import BatchSection
from deploy.clock import now_ms
from deploy.noun import Acting, Edge, Effect, Noun, Tick
from deploy.object_store import open_objects
from deploy.sealing import open_sealer
from deploy.settings import PREFIX
from projections.clickhouse.tables import event_tables
from projections.playtests.handle_reads import ClickHouseHandles
from projections.playtests.projection import PLAYTESTS as PROJECTION
from projections.playtests.queries import PlaytestQueries
from projections.playtests.table_columns import EVENTS_TABLE
from projections.playtests.tables import PLAYTESTS_TABLES, ClickHouseLedgers
from projections.playtests.webhooks import PLAYTESTS as NOTIFIED
from projections.redis.ended_sessions import RedisEndedSessions
from projections.redis.first_answers import RedisFirstAnswers
from projections.studio.queries import StudioQueries
from schemas.edge.ports import StoreUnavailable
from schemas.playtests import batch_routes
from schemas.playtests.noun import NOUN, PLAYTESTS_EVENTS
from schemas.playtests.routes import ROUTES
from schemas.playtests.session_keys import SessionKeys
from schemas.playtests.surface import DOCUMENT
from schemas.studio.noun import STUDIO_EVENTS
from streams.deciders.playtests.noun import PLAYTESTS as DECIDER
from streams.gateway.playtests.app import PlaytestWrites
from streams.gateway.playtests.claims import Claims
from streams.gateway.playtests.handlers import Stores
from streams.gateway.playtests.redemptions import Redemptions
from streams.gateway.several_writes import SeveralWrites
from streams.playtests.batch_definitions import BatchDefinitions
from streams.playtests.dues import DueManager
from streams.playtests.recording_effects import RecordingEffects
from streams.playtests.transcriber import Transcriber

if TYPE_CHECKING:
    from projections.redis.effect_positions import RedisPositions
    from projections.telemetry.queries.client import ClickHouseQueries
    from schemas.playtests.ports import Place
    from schemas.playtests.views import LedgerRow
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


class NoLedgers:
    """For processes that read no ledger."""

    async def ledger(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """Nothing is known here."""
        del limit, before
        raise StoreUnavailable(f"the ledgers of {studio_id} {playtester_id} are not read here")


def open_session_keys(edge: Edge) -> SessionKeys:
    """The keys that the dashboard's sessions act with."""
    secret = edge.settings.deployment_secret()
    return SessionKeys(secret, edge.directory, RedisEndedSessions(edge.redis))


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


def _managers(acting: Acting) -> dict[str, Tick]:
    return {"playtests": DueManager(acting.asker, PlaytestQueries(acting.redis, NoLedgers())).tick}


def _recordings(acting: Acting, positions: RedisPositions) -> RecordingEffects:
    configured = acting.settings
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return RecordingEffects(
        acting.asker,
        topic=acting.events,
        tail=acting.tail,
        positions=positions,
        objects=open_objects(configured),
        reads=PlaytestQueries(acting.redis, NoLedgers()),
        transcriber=Transcriber(configured.transcriber_command, own) if configured.transcriber else None,
        clock_ms=now_ms,
    )


def _batch_definitions(acting: Acting, positions: RedisPositions) -> BatchDefinitions:
    return BatchDefinitions(
        acting.asker,
        topic=acting.events,
        tail=acting.tail,
        positions=positions,
        games=StudioQueries(acting.redis),
        batches=PlaytestQueries(acting.redis, NoLedgers()),
        sealer=open_sealer(acting.settings),
    )


PLAYTESTS: Final = Noun(
    schema=NOUN,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(event_tables(PLAYTESTS_EVENTS, PLAYTESTS_TABLES, kept=(EVENTS_TABLE,)),),
    notified=NOTIFIED,
    managers=_managers,
    effects={
        "recordings": Effect(open=_recordings),
        "batch-definitions": Effect(open=_batch_definitions, reads=STUDIO_EVENTS),
    },
    writes=_writes,
    reads=_reads,
    section=_section,
    documents={"s2": (DOCUMENT, ROUTES), "s1-keys": (batch_routes.DOCUMENT, batch_routes.ROUTES)},
)
