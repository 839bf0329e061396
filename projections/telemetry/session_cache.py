"""The sessions a projector keeps in memory between batches, oldest use forgotten first. Pure.

Everything forgotten can be read again from ClickHouse, so the bounds cost time only, never exactness.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from projections.telemetry.identities import Seen
    from projections.telemetry.session_key import SessionKey
    from projections.telemetry.sessions import SessionFragment

SESSIONS_MAX: Final = 20_000
PART_ITEMS_MAX: Final = 500_000
"""Runs and event names over all sessions: about 400 bytes each."""
IDENTITIES_MAX: Final = 400_000
"""Ranges and hashes over all sessions: about 80 bytes each."""


class SessionMemory:
    """Parts and seen identities of the sessions used last."""

    def __init__(
        self,
        sessions_max: int = SESSIONS_MAX,
        identities_max: int = IDENTITIES_MAX,
        part_items_max: int = PART_ITEMS_MAX,
    ) -> None:
        self._sessions_max = sessions_max
        self._part_items_max = part_items_max
        self._identities_max = identities_max
        self.parts: OrderedDict[SessionKey, SessionFragment] = OrderedDict()
        self.seen: OrderedDict[SessionKey, Seen] = OrderedDict()

    def remember(self, part: SessionFragment) -> None:
        """Keep a part as the one used last."""
        self.parts[part.key] = part
        self.parts.move_to_end(part.key)

    def remember_seen(self, key: SessionKey, seen: Seen) -> None:
        """Keep a session's identities as the ones used last."""
        self.seen[key] = seen
        self.seen.move_to_end(key)

    def trim(self) -> None:
        """Forget what exceeds the bounds. Only between batches, when all of it is stored."""
        items = sum(len(part.runs) + len(part.event_counts) for part in self.parts.values())
        while len(self.parts) > self._sessions_max or items > self._part_items_max:
            _, part = self.parts.popitem(last=False)
            items -= len(part.runs) + len(part.event_counts)
        weight = sum(seen.weight for seen in self.seen.values())
        while weight > self._identities_max and self.seen:
            _, forgotten = self.seen.popitem(last=False)
            weight -= forgotten.weight
