"""Studios: each room's part, joined. Studios and keys change by commands; Discord threads come over HTTP."""

from __future__ import annotations

import ipaddress
import uuid
from typing import TYPE_CHECKING, Final

from deploy.noun import Acting, Effect, Noun, Served
from deploy.sealing import open_sealer
from projections.studio.projection import STUDIO as PROJECTION
from projections.studio.queries import StudioQueries
from schemas.studio.noun import NOUN
from streams.deciders.studio import STUDIO as DECIDER
from streams.discord_sessions import DiscordSessions

if TYPE_CHECKING:
    from projections.redis.effect_positions import RedisPositions
    from streams.ai.runner import AiRunner


def _ai(acting: Acting, positions: RedisPositions) -> AiRunner:
    from streams.ai.providers import Providers  # noqa: PLC0415 - numpy
    from streams.ai.runner import AiRunner  # noqa: PLC0415 - likewise

    configured = acting.settings
    return AiRunner(
        acting.asker,
        topic=acting.events,
        tail=acting.tail,
        positions=positions,
        reads=StudioQueries(acting.redis),
        sealer=open_sealer(configured),
        providers=Providers([ipaddress.ip_network(one) for one in configured.webhook_networks]),
        name=f"effects-{uuid.uuid4().hex}",
    )


def _discord(acting: Acting, positions: RedisPositions) -> DiscordSessions:
    return DiscordSessions(
        acting.appender, acting.telemetry, topic=acting.events, tail=acting.tail, positions=positions
    )


def _served() -> Served:
    from deploy.serving.studio import SERVED  # noqa: PLC0415 - see deploy.serving

    return SERVED


STUDIO: Final = Noun(
    schema=NOUN,
    decider=DECIDER,
    projection=PROJECTION,
    effects={"ai-requests": Effect(open=_ai), "discord-sessions": Effect(open=_discord)},
    served=_served,
)
