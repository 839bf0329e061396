"""The definition a window is played by: pinned once, in the window's own partition, whichever gateway asks.

A window's first player makes the gateway append OpenWindow to the partition of the window's
`event_aggregate`. What that partition pins is read from the projection, kept here, and carried by every start
and join. Of two gateways that know different versions of the game at that moment, the first in the log wins
for both. A pin never changes, so one that is held needs no further look.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.edge.ports import Game
from schemas.envelope import Outcome
from schemas.identifiers import partition_of
from schemas.liveops.commands import OpenWindow
from schemas.liveops.definitions import ResolvedEvent, decode_definition
from schemas.liveops.names import event_aggregate
from schemas.liveops.ports import PinReads, WindowRow, first_pinned
from schemas.shared_tasks import SharedTasks
from streams.gateway.pending_commands import CommandUnavailable

WINDOWS_MAX: Final = 4096
"""Windows whose pins are held: the last used."""

Ask = Callable[[OpenWindow, str, ResolvedEvent], Awaitable[Outcome]]
"""Submits a command without a key to an aggregate, carrying a definition."""

_Name = tuple[str, str, str]


class WindowPins:
    """Pins of one gateway. `partitions` is liveops' partition count."""

    def __init__(self, reads: PinReads, partitions: int) -> None:
        self._reads = reads
        self._partitions = partitions
        self._held: OrderedDict[_Name, ResolvedEvent] = OrderedDict()
        self._finding = SharedTasks[_Name, ResolvedEvent]()

    def held(self, game_id: str, event_key: str, window_id: str) -> ResolvedEvent | None:
        """A window's pin where it is known here."""
        name = (game_id, event_key, window_id)
        found = self._held.get(name)
        if found is not None:
            self._held.move_to_end(name)
        return found

    async def find(self, game: Game, event: ResolvedEvent, window_id: str, ask: Ask) -> ResolvedEvent:
        """A window's pin; `event`, the game's current definition, is pinned where there is none yet.

        Raises StoreUnavailable, what `ask` raises, and CommandUnavailable where the window's partition says
        that it has not begun or is over: this gateway's clock is ahead or behind, and a refusal that no key
        remembers would be no answer. Concurrent callers share one look-up.
        """
        name = (game.id, event.definition.event_key, window_id)
        found = self.held(*name)
        if found is not None:
            return found
        return await self._finding.get(name, lambda: self._find(game, event, window_id, ask))

    async def _find(self, game: Game, event: ResolvedEvent, window_id: str, ask: Ask) -> ResolvedEvent:
        event_key = event.definition.event_key
        aggregate_id = event_aggregate(game.id, event_key, window_id)
        home = partition_of(aggregate_id, self._partitions)
        pins = await self._reads.pins(game.studio_id, game.id, event_key, window_id)
        if home not in pins:
            # Pinned elsewhere alone: a window from before there was an OpenWindow keeps its first version.
            first = _resolved(min(pins.values(), key=first_pinned)) if pins else event
            outcome = await ask(OpenWindow(event_key=event_key, window_id=window_id), aggregate_id, first)
            if outcome.status >= 400:
                raise CommandUnavailable(f"window {window_id} of {event_key} can't be opened now")
            pins = await self._reads.pins(game.studio_id, game.id, event_key, window_id)
            if home not in pins:
                raise CommandUnavailable("the window's pin was lost again")
        found = self._held[game.id, event_key, window_id] = _resolved(pins[home])
        if len(self._held) > WINDOWS_MAX:
            self._held.popitem(last=False)
        return found


def _resolved(row: WindowRow) -> ResolvedEvent:
    return ResolvedEvent(decode_definition(row.definition), row.definition, row.reference)
