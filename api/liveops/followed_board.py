"""A board that has subscribers: its listeners, and how far its stream was read."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from api.liveops.subscriber import Listener
    from schemas.liveops.ports import StreamEntry

START: Final = "0-0"
READ_MAX: Final = 500
"""Entries of each board in one read."""
_REMEMBERED: Final = 2_048
"""Events of a board that are known again when a rebuilt projection brings them once more."""


class FollowedBoard:
    """A board with subscribers."""

    __slots__ = (
        "ends_at_ms",
        "finalized_before",
        "game_id",
        "listeners",
        "position",
        "recent",
        "sent_before",
    )

    def __init__(self, game_id: str, position: str) -> None:
        self.game_id = game_id
        self.position = position
        self.listeners: dict[Listener, None] = {}
        self.recent: deque[int] = deque(maxlen=_REMEMBERED)
        self.sent_before: Counter[int] | None = None
        """While the streams of a rebuilt projection are caught up with: what listeners have had."""
        self.finalized_before = False
        self.ends_at_ms: int | None = None
        """Of a board that had no player when it was subscribed to."""

    def begin_again(self) -> None:
        """A rebuilt projection's streams hold the last minutes once more, under other ids."""
        self.sent_before = Counter(self.recent)
        self.position = START
        for listener in self.listeners:
            listener.after = (0, 0)

    def fresh(self, entries: list[StreamEntry]) -> list[StreamEntry]:
        """Take in what was read; what listeners have not had yet."""
        sent_before = self.sent_before
        if sent_before is None:
            found = entries
        else:
            found = []
            for entry in entries:
                name = hash(entry.data)
                if sent_before[name] > 0:
                    sent_before[name] -= 1
                else:
                    found.append(entry)
            if len(entries) < READ_MAX:
                self.sent_before = None
        self.recent.extend(hash(entry.data) for entry in found)
        self.position = entries[-1].id
        return found
