"""Forgets a person in playtests on a running stack: in the log and its stores, and what objects they have."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.forgetting import ForgettingRefused, Running, followed
from deploy.no_ledgers import NoLedgers
from deploy.nouns import topic_of
from deploy.object_store import open_objects
from deploy.redis_server import open_redis
from deploy.sealing import open_fingerprints
from deploy.telemetry_forgetting import handles_of
from projections.playtests.keys import STORED
from projections.playtests.queries import PlaytestQueries
from projections.redis.stores import NounStores
from schemas.playtests.commands import COMMANDS
from schemas.playtests.noun import PLAYTESTS_COMMANDS, PLAYTESTS_EVENTS
from schemas.playtests.person_messages import TesterHandle
from schemas.playtests.recordings import transcript_folder, upload_folder
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.forgetting import PersonForgetting

if TYPE_CHECKING:
    from schemas.persons import Person
    from streams.playtests.forgetting import Forgetting

NOUN: Final = "playtests"
_LOOK_S: Final = 0.25


class PlaytestsForgetting:
    """One person's. Raises StoreUnavailable, LogUnavailable, ClickHouseError, ObjectStoreError."""

    def __init__(self, running: Running, person: Person) -> None:
        self._running = running
        self._person = person
        self._wanted: list[Forgetting] = []
        self._forgetting: PersonForgetting | None = None

    async def is_wanted(self, *, held: bool) -> bool:
        """Whether there is anything to do; `held` says that stores still hold something."""
        running, configured = self._running, self._running.configured
        redis = open_redis(configured)
        running.stack.push_async_callback(redis.aclose)
        commands = await open_commands(
            running.stack,
            topic_of(configured, PLAYTESTS_COMMANDS),
            NounStores(STORED, [redis]),
            appender=running.appender,
            client="cli",
        )
        self._forgetting = PersonForgetting(
            Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes),
            PlaytestQueries(redis, NoLedgers()),
            fingerprints=open_fingerprints(configured),
        )
        person = self._person
        self._wanted = await self._forgetting.of(person.studio_id, person.names("player"))
        return held or not all(one.is_done for one in self._wanted)

    async def forget(self) -> None:
        """Ask for it, and return once Redis, ClickHouse and objects have followed.

        Raises ForgettingRefused.
        """
        if self._forgetting is None:
            raise ValueError("`is_wanted` comes first")
        handles = (TesterHandle(one.game_id, one.name) for one in handles_of(self._person))
        try:
            await self._forgetting.ask(self._wanted, handles)
        except (CommandUnavailable, CommandRefused) as error:
            raise ForgettingRefused(
                f"playtests has not forgotten them everywhere ({error}): give the same command again"
            ) from None
        await followed(self._running, topic_of(self._running.configured, PLAYTESTS_EVENTS))
        await self._objects_gone()

    async def _objects_gone(self) -> None:
        """Until `worker effects` has removed what is stored of their slots."""
        objects = open_objects(self._running.configured)
        deadline = time.monotonic() + self._running.wait_s
        for slot_id in await self._slots():
            studio_id = self._person.studio_id
            for folder in (upload_folder(studio_id, slot_id), transcript_folder(studio_id, slot_id)):
                while await objects.names(folder):
                    if time.monotonic() > deadline:
                        raise ForgettingRefused(
                            f"it is decided in the log, but `worker effects` has not removed {folder} in"
                            f" {self._running.wait_s:.0f} s: see `questlog status`"
                        )
                    await asyncio.sleep(_LOOK_S)

    async def _slots(self) -> list[str]:
        """The slots that are under their pseudonyms."""
        rows = await self._running.client.rows(
            "SELECT id FROM playtest_slots FINAL WHERE studio_id = {studio:String}"
            " AND playtester_id IN {pseudonyms:Array(String)} ORDER BY id",
            {"studio": self._person.studio_id, "pseudonyms": [one.pseudonym for one in self._wanted]},
        )
        return [str(slot_id) for (slot_id,) in rows]
