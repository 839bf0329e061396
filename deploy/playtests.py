"""Playtests: each room's part, joined."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.no_ledgers import NoLedgers
from deploy.noun import Acting, Effect, Noun, Served, Tick
from deploy.object_store import open_objects
from deploy.sealing import open_sealer
from deploy.settings import PREFIX
from projections.clickhouse.tables import event_tables
from projections.playtests.projection import PLAYTESTS as PROJECTION
from projections.playtests.queries import PlaytestQueries
from projections.playtests.table_columns import EVENTS_TABLE
from projections.playtests.tables import PLAYTESTS_TABLES
from projections.playtests.views import FOLDER as VIEWS
from projections.playtests.webhooks import PLAYTESTS as NOTIFIED
from projections.studio.queries import StudioQueries
from schemas.playtests.noun import NOUN, PLAYTESTS_EVENTS
from schemas.studio.noun import STUDIO_EVENTS
from streams.deciders.playtests.noun import PLAYTESTS as DECIDER
from streams.playtests.batch_definitions import BatchDefinitions
from streams.playtests.dues import DueManager
from streams.playtests.recording_effects import RecordingEffects
from streams.playtests.transcriber import Transcriber

if TYPE_CHECKING:
    from streams.effect_reader import Reading


def _managers(acting: Acting) -> dict[str, Tick]:
    return {"playtests": DueManager(acting.asker, PlaytestQueries(acting.redis, NoLedgers())).tick}


def _recordings(acting: Acting, reading: Reading) -> RecordingEffects:
    configured = acting.settings
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return RecordingEffects(
        acting.asker,
        reading,
        objects=open_objects(configured),
        reads=PlaytestQueries(acting.redis, NoLedgers()),
        transcriber=Transcriber(configured.transcriber_command, own) if configured.transcriber else None,
        clock_ms=now_ms,
    )


def _batch_definitions(acting: Acting, reading: Reading) -> BatchDefinitions:
    return BatchDefinitions(
        acting.asker,
        reading,
        games=StudioQueries(acting.redis),
        batches=PlaytestQueries(acting.redis, NoLedgers()),
        sealer=open_sealer(acting.settings),
    )


def _served() -> Served:
    from deploy.serving.playtests import SERVED  # noqa: PLC0415 - see there

    return SERVED


PLAYTESTS: Final = Noun(
    schema=NOUN,
    served=_served,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(event_tables(PLAYTESTS_EVENTS, PLAYTESTS_TABLES, kept=(EVENTS_TABLE,)),),
    views=VIEWS,
    notified=NOTIFIED,
    managers=_managers,
    effects={
        "recordings": Effect(open=_recordings),
        "batch-definitions": Effect(open=_batch_definitions, reads=STUDIO_EVENTS),
    },
)
