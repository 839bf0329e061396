"""Servers of live-ops lobbies: asked for when a lobby turns active, ended when it closes.

A reader of live-ops' events. The decider gives a lobby one server at most, and none after its window's end,
so that a lobby may be asked for again: a log read from its start begins and ends nothing anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec
from msgspec import UNSET

from schemas.codec import Message
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import EventsRecord
from schemas.fleet.commands import EndLobbyServer, Launch, StartLobbyServer
from schemas.fleet.definitions import limits_of
from schemas.fleet.names import project_aggregate
from schemas.fleet.views import PlanLimits
from schemas.liveops.event_windows import LobbyActivated, LobbyClosed
from schemas.liveops.events import EVENTS
from schemas.liveops.windows import window_from_id
from schemas.log import LogRecord
from streams.asking import Asker
from streams.asking_reader import AskingReader
from streams.effect_reader import RETRY, Reading, Retry
from streams.fleet.directory import Directory

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_TYPES: Final = frozenset({LobbyActivated.WIRE, LobbyClosed.WIRE})
_WIRES: Final = tuple(sorted(name.encode() for name in _TYPES))
"""Most records hold none of them: they are not decoded."""


class Change(msgspec.Struct, frozen=True):
    """A lobby with a server that turned active or closed."""

    studio_id: str
    game_id: str
    event: LobbyActivated | LobbyClosed


class LobbyServers(AskingReader):
    """Asks the fleet for servers of lobbies, and for their ends."""

    def __init__(self, asker: Asker, reading: Reading, *, directory: Directory, retry: Retry = RETRY) -> None:
        super().__init__("servers of lobbies", reading, retry=retry)
        self._asker = asker
        self._directory = directory

    async def take(self, record: LogRecord) -> bool:
        """Ask what a record's lobbies need. Raises where that can't be done in time.

        Servers that begin come first: a lobby that turned active and closed in one record ends with none.
        """
        if not any(name in record.value for name in _WIRES):
            return False
        found = list(changes(_decoder.decode(record.value)))
        for kind in (LobbyActivated, LobbyClosed):
            await self.ask_all([partial(self._ask, one) for one in found if isinstance(one.event, kind)])
        return bool(found)

    async def _ask(self, change: Change) -> None:
        command: Message
        if isinstance(change.event, LobbyClosed):
            command = EndLobbyServer(lobby_id=change.event.lobby_id)
        else:
            command = start_of(change.event, await self._limits(change))
        await self._asker.ask(
            command,
            aggregate_id=project_aggregate(change.studio_id, change.game_id),
            studio_id=change.studio_id,
            game_id=change.game_id,
        )

    async def _limits(self, change: Change) -> PlanLimits:
        studio = await self._directory.studio(change.studio_id)
        game = await self._directory.game(change.game_id)
        if studio is None or game is None:
            raise StoreUnavailable(f"the studio or the game {change.game_id} is not known yet")
        return limits_of(studio.plan, game)


def changes(record: EventsRecord) -> Iterator[Change]:
    """A record's lobbies that have servers, as they turned active and closed. Pure."""
    for decided in record.decided:
        for one in decided.events:
            if one.type not in _TYPES:
                continue
            match EVENTS.decode(one.type, one.data):
                case LobbyActivated(server=server) as event if server is not UNSET:
                    yield Change(decided.studio_id, decided.game_id, event)
                case LobbyClosed(had_server=True) as event:
                    yield Change(decided.studio_id, decided.game_id, event)
                case _:
                    pass


def start_of(event: LobbyActivated, limits: PlanLimits) -> StartLobbyServer:
    """What is asked for a lobby. Pure. Its server knows it by `match_id` and custom data."""
    wanted = event.server
    if wanted is UNSET:
        raise ValueError(f"lobby {event.lobby_id} needs no server")
    told = {"eventKey": event.event_key, "windowId": event.window_id}
    return StartLobbyServer(
        lobby_id=event.lobby_id,
        ends_at_ms=window_from_id(event.window_id).ends_at_ms,
        name=f"{event.event_key} {event.lobby_id}",
        region=wanted.region,
        compute_size=wanted.compute_size,
        limits=limits,
        launch=Launch(
            version_tag=wanted.version_tag,
            version=wanted.version,
            startup_args=wanted.startup_args,
            ttl_s=wanted.ttl_s,
            auto_restart=wanted.auto_restart,
            custom_data=msgspec.json.encode(told).decode(),
            match_id=event.lobby_id,
        ),
    )
