"""Forgets a person in live-ops on a running stack."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.forgetting import ForgettingRefused, Running, followed
from deploy.nouns import topic_of
from deploy.redis_stores import open_stores
from deploy.sealing import open_fingerprints
from projections.liveops.projection import LIVEOPS
from projections.liveops.queries import LiveopsQueries
from schemas.liveops.commands import COMMANDS
from schemas.liveops.noun import LIVEOPS_COMMANDS, LIVEOPS_EVENTS
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable
from streams.liveops.forgetting import PlayerForgetting

if TYPE_CHECKING:
    from schemas.persons import Person
    from streams.liveops.forgetting import Forgetting

NOUN: Final = "liveops"


class LiveopsForgetting:
    """One person's. Raises StoreUnavailable, LogUnavailable, ClickHouseError."""

    def __init__(self, running: Running, person: Person) -> None:
        self._running = running
        self._person = person
        self._left: list[Forgetting] = []
        self._forgetting: PlayerForgetting | None = None

    async def is_wanted(self, *, held: bool) -> bool:
        """Whether there is anything to do; `held` says that stores still hold something."""
        running, person = self._running, self._person
        configured, stack = running.configured, running.stack
        stores = open_stores(configured)
        stack.push_async_callback(stores.aclose)
        topic = topic_of(configured, LIVEOPS_COMMANDS)
        commands = await open_commands(
            stack, topic, stores.of(LIVEOPS), appender=running.appender, client="cli"
        )
        self._forgetting = PlayerForgetting(
            Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes),
            LiveopsQueries(stores.of(LIVEOPS)),
            partitions=topic.partitions,
            fingerprints=open_fingerprints(configured),
        )
        self._left = await self._forgetting.left(person.studio_id, person.games, person.names("player"))
        return held or bool(self._left)

    async def forget(self) -> None:
        """Ask for it, and return once Redis and ClickHouse have followed. Raises ForgettingRefused."""
        if self._forgetting is None:
            raise ValueError("`is_wanted` comes first")
        try:
            await self._forgetting.ask(self._left)
        except (CommandUnavailable, CommandRefused) as error:
            raise ForgettingRefused(
                f"live-ops has not forgotten them everywhere ({error}): give the same command again"
            ) from None
        await followed(self._running, topic_of(self._running.configured, LIVEOPS_EVENTS))
