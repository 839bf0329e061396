"""Boards that a schedule promises before their first player: those of `global` events.

A board exists in the stores from its first start on. Until then, and after a window without players, it is
empty: clients know its id from `events` and ask for it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.liveops.definitions import ResolvedEvent, resolve_events
from schemas.liveops.names import board_id
from schemas.liveops.ports import BoardRow
from schemas.liveops.windows import Window

if TYPE_CHECKING:
    from schemas.edge.ports import Game

GAMES_MAX: Final = 100
WINDOWS_MAX: Final = 500
"""Windows known of a game: of each event the newest ones, its share, at least two."""
FINAL_AFTER_MS: Final = 2_000
"""An empty board is final this long after its window: a last start is in the stores by then."""


class Scheduled(msgspec.Struct, frozen=True):
    """A board without players, as of now."""

    board: BoardRow
    ends_at_ms: int


class ScheduledBoards:
    """Of the games that were asked about last. A new version of a game is another entry."""

    def __init__(
        self, now_ms: Callable[[], int], *, games_max: int = GAMES_MAX, windows_max: int = WINDOWS_MAX
    ) -> None:
        self._now_ms = now_ms
        self._games_max = games_max
        self._windows_max = windows_max
        self._games: OrderedDict[tuple[str, int], _Boards] = OrderedDict()

    def find(self, game: Game, wanted: str) -> Scheduled | None:
        """The board, if a window has it that is open or among the last ended ones; nothing of the future."""
        key = (game.id, game.definition_version)
        boards = self._games.get(key)
        if boards is None:
            boards = self._games[key] = _Boards(game, self._windows_max)
            if len(self._games) > self._games_max:
                self._games.popitem(last=False)
        now_ms = self._now_ms()
        boards.go_on(now_ms)
        found = boards.held.get(wanted)
        if found is None:
            return None
        event, window = found
        over = now_ms >= window.ends_at_ms + FINAL_AFTER_MS
        board = BoardRow(
            id=wanted,
            studio_id=game.studio_id,
            game_id=game.id,
            event_key=event.definition.event_key,
            window_id=window.id,
            order=event.definition.order,
            finalized_at_ms=window.ends_at_ms if over else None,
        )
        return Scheduled(board, window.ends_at_ms)


class _Boards:
    """One version of a game."""

    def __init__(self, game: Game, windows_max: int) -> None:
        self.held: dict[str, tuple[ResolvedEvent, Window]] = {}
        self._game = game
        self._events = [event for event in resolve_events(game) if event.definition.mode == "global"]
        self._each = max(2, windows_max // max(1, len(self._events)))
        self._ids: list[deque[str]] = [deque() for _ in self._events]
        self._known_until_ms = [0] * len(self._events)
        """By event: no other window opens before."""

    def go_on(self, now_ms: int) -> None:
        """Take in the windows that have opened since."""
        for index, event in enumerate(self._events):
            if now_ms >= self._known_until_ms[index]:
                self._known_until_ms[index] = self._take_in(event, self._ids[index], now_ms)

    def _take_in(self, event: ResolvedEvent, ids: deque[str], now_ms: int) -> int:
        opened: list[str] = []
        for window in _windows(event, now_ms):
            identifier = board_id(self._game.id, event.definition.event_key, window.id)
            before_the_game = window.ends_at_ms <= self._game.created_at_ms
            if identifier in self.held or len(opened) >= self._each or before_the_game:
                break
            self.held[identifier] = (event, window)
            opened.append(identifier)
        ids.extend(reversed(opened))
        while len(ids) > self._each:
            del self.held[ids.popleft()]
        running = event.window_at(now_ms)
        return running.ends_at_ms if running is not None else now_ms


def _windows(event: ResolvedEvent, now_ms: int) -> Iterator[Window]:
    """The open window and those before it, the newest first."""
    rule = event.definition.window
    at_ms = now_ms
    if rule.ends_at is not None:  # it runs once
        at_ms = min(now_ms, int(rule.ends_at.timestamp() * 1000) - 1)
    window = event.window_at(at_ms)
    while window is not None:
        yield window
        window = event.window_at(window.starts_at_ms - 1)
