"""What edge processes serve of studios: messages of their Discord threads, actions of signed-in pages."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.experiment_digests import DigestSource, digest_now
from deploy.noun import Edge, Served
from deploy.sealing import open_sealer
from deploy.serving.playtests import open_session_keys
from projections.studio.queries import StudioQueries
from schemas.studio.commands import COMMANDS
from streams.ai.asking import WAIT_S, AiAsking
from streams.asking import Asker
from streams.gateway import discord_routes
from streams.gateway.discord import DiscordWrites
from streams.gateway.several_writes import SeveralWrites
from streams.gateway.studio.actions import ExperimentActions

if TYPE_CHECKING:
    from schemas.studio.experiments import Digest
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def _writes(edge: Edge, commands: CommandClient, services: Services) -> SeveralWrites:
    actions = ExperimentActions(
        services,
        commands,
        open_sealer(edge.settings),
        open_session_keys(edge),
        partial(_digest, edge, commands),
        randomness=secrets.token_bytes,
    )
    return SeveralWrites((DiscordWrites(services, commands, randomness=secrets.token_bytes), actions))


async def _digest(edge: Edge, commands: CommandClient, studio_id: str, experiment_id: str) -> Digest | None:
    studios = StudioQueries(edge.redis)
    if await studios.experiment(studio_id, experiment_id) is None:
        return None
    asker = Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)
    source = DigestSource(studios, AiAsking(studios, asker, clock_ms=now_ms), WAIT_S)
    return await digest_now(edge.settings, source, studio_id, experiment_id)


SERVED: Final = Served(
    writes=_writes, documents={"s1-discord": (discord_routes.DOCUMENT, discord_routes.ROUTES)}
)
