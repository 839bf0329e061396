"""Studios: each room's part, joined. Studios and keys change by commands; Discord threads come over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.noun import Acting, Effect, Noun, Served
from projections.clickhouse.tables import event_tables
from projections.studio.projection import STUDIO as PROJECTION
from projections.studio.tables import STUDIO_TABLES
from projections.studio.views import FOLDER as VIEWS
from schemas.studio.noun import NOUN, STUDIO_EVENTS
from streams.deciders.studio import STUDIO as DECIDER
from streams.discord_sessions import DiscordSessions

if TYPE_CHECKING:
    from schemas.log import LogReader
    from streams.effect_reader import Reading


def _ai_requests(acting: Acting, reading: Reading) -> LogReader:
    from deploy.ai_effects import ai_requests  # noqa: PLC0415 - no other worker needs what it imports

    return ai_requests(acting, reading)


def _ai_texts(acting: Acting, reading: Reading) -> LogReader:
    from deploy.ai_effects import ai_texts  # noqa: PLC0415 - likewise

    return ai_texts(acting, reading)


def _discord(acting: Acting, reading: Reading) -> DiscordSessions:
    return DiscordSessions(acting.appender, acting.telemetry, reading)


def _served() -> Served:
    from deploy.serving.studio import SERVED  # noqa: PLC0415 - see deploy.serving

    return SERVED


STUDIO: Final = Noun(
    schema=NOUN,
    decider=DECIDER,
    projection=PROJECTION,
    tables=(event_tables(STUDIO_EVENTS, STUDIO_TABLES),),
    views=VIEWS,
    effects={
        "ai-requests": Effect(open=_ai_requests),
        "ai-texts": Effect(open=_ai_texts),
        "discord-sessions": Effect(open=_discord),
    },
    served=_served,
)
