"""What edge processes serve of studios: messages of their Discord threads."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from deploy.noun import Edge, Served
from streams.gateway import discord_routes
from streams.gateway.discord import DiscordWrites

if TYPE_CHECKING:
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


def _writes(_: Edge, commands: CommandClient, services: Services) -> DiscordWrites:
    return DiscordWrites(services, commands, randomness=secrets.token_bytes)


SERVED: Final = Served(
    writes=_writes, documents={"s1-discord": (discord_routes.DOCUMENT, discord_routes.ROUTES)}
)
