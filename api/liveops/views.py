"""Leaderboards as they are shown: from the Redis sorted set while live, from ClickHouse once finalized.

A view is encoded once and kept for at most `VIEW_AGE_MAX_S`, with one look-up at a time for each (board,
limit). A player's own place is never kept while the board is live.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.edge.ports import StoreUnavailable
from schemas.liveops.ports import BoardEntryRow, BoardReads, BoardRow, BoardView, FinalBoardReads
from schemas.liveops.resources import LeaderboardEntry
from schemas.liveops.responses import LeaderboardHead
from schemas.shared_tasks import SharedTasks
from schemas.timestamps import iso_ms

VIEW_AGE_MAX_S: Final = 1.0
FINAL_AGE_MAX_S: Final = 60.0
"""Frozen ranks don't change; the age only bounds what memory holds."""
ENTRIES_KEPT_MAX: Final = 100_000
"""Entries in all views together, about 35 MB."""
_FINAL_PLACES_MAX: Final = 20_000
_encode: Final = msgspec.json.Encoder().encode


class Top(msgspec.Struct, frozen=True, gc=False):
    """The first entries of a board, encoded up to the value of `self`."""

    board: BoardRow
    entries: list[BoardEntryRow]
    head: bytes
    frozen: bool
    """Entries are ClickHouse's."""

    def body(self, place: BoardEntryRow | None) -> bytes:
        """LeaderboardResponse with a player's own entry, or null."""
        return self.head + (b"null}" if place is None else _encode(_entry(place)) + b"}")

    def agrees_with(self, place: BoardEntryRow) -> bool:
        """Whether a place that belongs among these entries is there."""
        index = place.rank - 1
        if index >= len(self.entries):
            return all(entry.external_id != place.external_id for entry in self.entries)
        return self.entries[index] == place


def _entry(row: BoardEntryRow) -> LeaderboardEntry:
    return LeaderboardEntry(
        rank=row.rank,
        external_id=row.external_id,
        score=row.score,
        achieved_at=iso_ms(row.achieved_at_ms),
        is_bot=row.is_bot,
    )


class BoardViews:
    """Views of one process. Called any number of times at once, it looks each board up once."""

    def __init__(
        self,
        boards: BoardReads,
        finals: FinalBoardReads,
        monotonic: Callable[[], float],
        entries_kept_max: int = ENTRIES_KEPT_MAX,
    ) -> None:
        self._boards = boards
        self._finals = finals
        self._monotonic = monotonic
        self._entries_kept_max = entries_kept_max
        self._held: dict[tuple[str, int], tuple[float, Top]] = {}
        self._weight = 0
        self._loads = SharedTasks[tuple[str, str, int], Top | None]()
        self._final_places: dict[tuple[str, str], BoardEntryRow] = {}

    def held(self, board_id: str, limit: int) -> Top | None:
        """The view in memory, while it may be used."""
        entry = self._held.get((board_id, limit))
        return entry[1] if entry is not None and self._monotonic() < entry[0] else None

    async def top(self, game_id: str, board_id: str, limit: int) -> Top | None:
        """The first `limit` entries, at most a second old; None where there is no such board.

        It is looked for where the game's are, and may be another's: the caller compares.
        """
        known = self.held(board_id, limit)
        if known is not None:
            return known
        wanted = (game_id, board_id, limit)
        return await self._loads.get(wanted, lambda: self._look_up(*wanted))

    def empty(self, board: BoardRow, limit: int) -> Top:
        """The view of a board without players, cached like any other."""
        top = _top(board, 0, [], frozen=False)
        self._keep((board.id, limit), self._monotonic() + VIEW_AGE_MAX_S, top)
        return top

    async def with_place(self, top: Top, limit: int, external_id: str) -> bytes:
        """LeaderboardResponse with a player's exact place.

        Where the place contradicts the kept entries, these are read again with it.
        """
        game_id, board_id = top.board.game_id, top.board.id
        if top.board.finalized_at_ms is not None and not top.entries and not top.board.total_players:
            return top.body(None)
        if top.board.finalized_at_ms is not None:
            return top.body(await self._final_place(top, external_id))
        view = await self._boards.view(game_id, board_id, 1, external_id)
        place = None if view is None else view.self_entry
        if place is None or top.agrees_with(place):
            return top.body(place)
        whole = await self._boards.view(game_id, board_id, limit, external_id)
        if whole is None:
            return top.body(None)
        return _top(whole.board, whole.total_players, whole.entries, frozen=False).body(whole.self_entry)

    async def _final_place(self, top: Top, external_id: str) -> BoardEntryRow | None:
        key = (top.board.id, external_id)
        known = self._final_places.get(key)
        if known is not None:
            return known
        missing: StoreUnavailable | None = None
        try:
            place = await self._finals.final_entry(top.board.id, external_id)
        except StoreUnavailable as error:
            place, missing = None, error
        if place is None:  # it has no entry, or ClickHouse has not got it yet
            view = await self._boards.view(top.board.game_id, top.board.id, 1, external_id)
            if view is not None and (view.entries or view.total_players == 0):
                return view.self_entry
            if missing is not None:
                raise missing
            return None
        if len(self._final_places) >= _FINAL_PLACES_MAX:
            self._final_places.clear()
        self._final_places[key] = place
        return place

    async def _look_up(self, game_id: str, board_id: str, limit: int) -> Top | None:
        asked = self._monotonic()
        view = await self._boards.view(game_id, board_id, limit)
        board = view.board if view is not None else await self._boards.board(game_id, board_id)
        if board is None:
            return None
        if board.finalized_at_ms is not None:
            top = await self._final_top(board, limit, view)
        elif view is None:
            return None
        else:
            top = _top(board, view.total_players, view.entries, frozen=False)
        self._keep((board_id, limit), asked + (FINAL_AGE_MAX_S if top.frozen else VIEW_AGE_MAX_S), top)
        return top

    async def _final_top(self, board: BoardRow, limit: int, view: BoardView | None) -> Top:
        """ClickHouse's entries once it has them all; until then the sorted set, which is frozen too."""
        wanted = min(limit, board.total_players)
        live = view.entries if view is not None else []
        try:
            entries = await self._finals.final_entries(board.id, limit)
        except StoreUnavailable:
            if len(live) < wanted:
                raise
            entries = []
        if len(entries) >= wanted:
            return _top(board, board.total_players, entries, frozen=True)
        if len(live) < wanted:
            raise StoreUnavailable("the finalized board is not in ClickHouse yet and no longer in Redis")
        return _top(board, board.total_players, live, frozen=False)

    def _keep(self, key: tuple[str, int], usable_until: float, top: Top) -> None:
        self._drop(key)
        if self._weight + len(top.entries) > self._entries_kept_max:
            now = self._monotonic()
            for old in [held for held, entry in self._held.items() if entry[0] <= now]:
                self._drop(old)
        while self._held and self._weight + len(top.entries) + 1 > self._entries_kept_max:
            self._drop(next(iter(self._held)))
        self._held[key] = (usable_until, top)
        self._weight += len(top.entries) + 1

    def _drop(self, key: tuple[str, int]) -> None:
        gone = self._held.pop(key, None)
        if gone is not None:
            self._weight -= len(gone[1].entries) + 1


def _top(board: BoardRow, total: int, entries: list[BoardEntryRow], *, frozen: bool) -> Top:
    head = LeaderboardHead(
        leaderboard_id=board.id,
        event_key=board.event_key,
        window_id=board.window_id,
        finalized=board.finalized_at_ms is not None,
        total_players=total,
        entries=[_entry(row) for row in entries],
    )
    return Top(board, entries, _encode(head)[:-1] + b',"self":', frozen)
