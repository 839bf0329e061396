"""The gateways of a simulation: each sees a changed definition at a time of its own.

A start or a join goes out as the real gateway sends it: with the definition that is pinned for its window.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from deploy.lab.simulation.liveops.game import GAME_ID, STUDIO_ID, events, game_of
from schemas.envelope import Command, Outcome
from schemas.identifiers import random_command_id
from schemas.liveops import commands as ask
from schemas.liveops.windows import window_from_id
from streams.gateway.liveops.window_pins import WindowPins

if TYPE_CHECKING:
    from deploy.lab.simulation.faults import Faults
    from schemas.codec import Message
    from schemas.liveops.definitions import ResolvedEvent
    from schemas.liveops.ports import PinReads
    from streams.gateway.commands import CommandClient

HEARD_AFTER_S: Final = 1.0
"""A directory's answers are this old at most."""


class SimulatedGateway:
    """One gateway: its command client, the pins it holds, the version of the game it knows."""

    def __init__(self, commands: CommandClient, reads: PinReads, faults: Faults) -> None:
        self.commands = commands
        self._faults = faults
        self._version = 1
        self._next: tuple[float, int] | None = None
        self._pins = WindowPins(reads, commands.partitions)

    def define(self, version: int, heard_in_s: float) -> None:
        """The game has another version, which this gateway sees a little later."""
        self._next = (self._faults.now_ms() + heard_in_s * 1000, version)

    async def submit(self, command: Command, body: Message) -> Outcome:
        """The outcome of a player's command. Raises CommandUnavailable and StoreUnavailable."""
        if not isinstance(body, ask.StartAttempt | ask.JoinEvent) or not body.window_id:
            return await self.commands.submit(command)
        pinned = self._pins.held(GAME_ID, body.event_key, body.window_id)
        if pinned is None:
            if command.keyed:
                stored = await self.commands.stored(
                    command.aggregate_id, command.command_id, command.fingerprint, game_id=command.game_id
                )
                if stored is not None:
                    return stored
            event = self._event(body.event_key)
            if window_from_id(body.window_id).ends_at_ms <= self._faults.now_ms():
                late = ask.COMMANDS.encode(replace(body, window_id=""))  # as where no window is open
                return await self._carrying(replace(command, body=late), event)
            pinned = await self._pins.find(game_of(self._version), event, body.window_id, self._open)
        return await self._carrying(command, pinned)

    def _event(self, event_key: str) -> ResolvedEvent:
        if self._next is not None and self._faults.now_ms() >= self._next[0]:
            self._version, self._next = self._next[1], None
        return events(self._version)[event_key]

    async def _open(self, body: ask.OpenWindow, aggregate_id: str, event: ResolvedEvent) -> Outcome:
        encoded = ask.COMMANDS.encode(body)
        command = Command(
            command_id=random_command_id(self._faults.dice.randbytes(16)),
            type=body.WIRE,
            aggregate_id=aggregate_id,
            studio_id=STUDIO_ID,
            game_id=GAME_ID,
            body=encoded,
            at_ms=self._faults.gateway_ms(),
            seed=self._faults.dice.randbytes(16),
            fingerprint=hashlib.sha256(encoded).digest(),
            keyed=False,
        )
        return await self._carrying(command, event)

    async def _carrying(self, command: Command, event: ResolvedEvent) -> Outcome:
        defined = replace(command, definition=event.reference)
        return await self.commands.submit(defined, definition=event.encoded)
