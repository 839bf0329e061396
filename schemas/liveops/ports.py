"""What the HTTP edges and the process managers ask of liveops' read side, as Protocols that `deploy` injects.

Every method of every Protocol raises `schemas.edge.ports.StoreUnavailable` instead of guessing: while the
store is away, or behind the log as it was when the store restarted. Times are unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from schemas.liveops.event_windows import LobbyStatus
from schemas.liveops.views import Attempt, FinalEntry, Grant, Movement, Order

LEDGER_HEAD: Final = 100
"""Ledger rows of a player that Redis keeps."""


class PlayerRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A known player."""

    external_id: str
    created_at_ms: int
    secret_hash: str = ""
    """`schemas.identifiers.key_hash` of the secret; empty until the player registers."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A player in one window of an event, as their latest start or progress left it."""

    event_key: str
    window_id: str
    attempts_used: int
    attempt: Attempt
    """The latest attempt."""
    group: int | None = None
    segment: str = ""
    done_lobby_id: str = ""
    """The lobby in which the player has completed an attempt last."""


class HoldingRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A balance (`key` is an economyKey) or a holding (an itemKey)."""

    key: str
    quantity: int
    updated_at_ms: int


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One movement and when it happened."""

    movement: Movement
    at_ms: int


class LobbyRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lobby, forming, active or closed."""

    id: str
    game_id: str
    event_key: str
    window_id: str
    status: LobbyStatus
    size: int
    players: list[tuple[str, int]]
    """(external id, joined at), in order of arrival."""
    bots: int
    fills_at_ms: int
    server_region: str = ""
    """Where it gets a game server; empty where it gets none, or not yet."""


class BoardRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A board that exists: its first attempt was started, or a lobby put a player on it."""

    id: str
    studio_id: str
    game_id: str
    event_key: str
    window_id: str
    order: Order
    group: int | None = None
    segment: str = ""
    finalized_at_ms: int | None = None
    total_players: int = 0
    """Of a finalized board; a live one is counted when it is read."""


class BoardEntryRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A place on a board."""

    rank: int
    external_id: str
    score: float
    achieved_at_ms: int
    is_bot: bool = False


class BoardView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A board, its first entries and one player's place, all as of one moment."""

    board: BoardRow
    total_players: int
    entries: list[BoardEntryRow]
    self_entry: BoardEntryRow | None = None


class PlayerReads(Protocol):
    """One player's state in Redis: a client that got its answer reads its own write here."""

    async def player(self, game_id: str, external_id: str) -> PlayerRow | None:
        """None for an unknown player."""
        ...

    async def runs(
        self, game_id: str, external_id: str, windows: Sequence[tuple[str, str]]
    ) -> list[RunRow | None]:
        """The player's run in each (event key, window id), in that order; None where there was no start."""
        ...

    async def wallet(self, game_id: str, external_id: str) -> list[HoldingRow]:
        """Every balance the player has touched, zero ones included, by key."""
        ...

    async def inventory(self, game_id: str, external_id: str) -> list[HoldingRow]:
        """What the player holds, by key."""
        ...

    async def pending_grants(self, game_id: str, external_id: str) -> list[Grant]:
        """Unclaimed grants, newest first; the caller leaves out what `grant_status` says is expired."""
        ...

    async def ledger_head(self, game_id: str, external_id: str) -> list[LedgerRow]:
        """The newest movements (up to `LEDGER_HEAD`), newest first. Older ones are in ClickHouse."""
        ...

    async def lobby(self, game_id: str, lobby_id: str) -> LobbyRow | None:
        """By id, from the game's store; it may be another game's: the caller compares `game_id`."""
        ...


class BoardReads(Protocol):
    """Boards in Redis, while they are live and for an hour after."""

    async def board(self, game_id: str, board_id: str) -> BoardRow | None:
        """By id, from the game's store; it may be another game's: the caller compares `game_id`.

        Kept for finalized boards too.
        """
        ...

    async def view(
        self, game_id: str, board_id: str, limit: int, external_id: str | None = None
    ) -> BoardView | None:
        """The first `limit` entries and `external_id`'s own; None where there is no such board."""
        ...

    async def rank(self, game_id: str, board_id: str, external_id: str) -> int | None:
        """A player's rank, from 1; None where they have no entry (or the board is no longer in Redis)."""
        ...


class FinalBoardReads(Protocol):
    """Finalized boards and old ledger rows in ClickHouse. They trail the log by what `/readyz` shows."""

    async def final_entries(self, board_id: str, limit: int) -> list[BoardEntryRow]:
        """The first `limit` frozen ranks; empty while ClickHouse has not got them yet."""
        ...

    async def final_entry(self, board_id: str, external_id: str) -> BoardEntryRow | None:
        """One player's frozen rank."""
        ...

    async def ledger_before(self, game_id: str, external_id: str, number: int, limit: int) -> list[LedgerRow]:
        """Movements with a number below `number`, newest first."""
        ...


class StreamEntry(msgspec.Struct, frozen=True, gc=False):
    """One event for a board's subscribers."""

    id: str
    """`<ms>-<n>`, ascending within a board: the SSE event's `id:`."""
    data: bytes
    """JSON of LeaderboardStreamEvent without `rank`; empty says that the board is finalized."""
    rank: int | None
    """The player's rank as of the write."""


class BoardStreams(Protocol):
    """One store's streams: what happened to a board in the last minutes (at least 5), and what comes."""

    async def generation(self) -> str:
        """The projection that is in use; another one, after a rebuild, has other ids for the same events."""
        ...

    async def last_id(self, board_id: str) -> str:
        """The newest entry's id; `0-0` where there is none."""
        ...

    async def read(
        self, after: Mapping[str, str], *, block_ms: int, count: int = 500, generation: str = ""
    ) -> dict[str, list[StreamEntry]]:
        """For each board, up to `count` entries after an id, oldest first, of a generation; else of today's.

        An id means nothing in another generation: who goes on from one names that which it is from.
        Waits up to `block_ms` where there are none, and not at all with 0. May be cancelled.
        """
        ...


class StreamStores(Protocol):
    """The stores of boards' streams."""

    def of(self, game_id: str) -> BoardStreams:
        """The streams of a game's boards: the same object for all games that one store holds."""
        ...


class WindowRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An (event, window) that was used and is not yet finalized."""

    studio_id: str
    game_id: str
    event_key: str
    window_id: str
    ends_at_ms: int
    reference: str
    definition: bytes
    """The definition that is pinned: what FinalizeBoard carries."""
    closed_partitions: frozenset[int] = frozenset()
    """Partitions whose WindowClosing is projected."""


def first_pinned(row: WindowRow) -> tuple[int, str]:
    """Orders pins where partitions have pinned different versions: all take the lowest."""
    return int(row.reference.partition(":")[0] or 0), row.reference


class PinReads(Protocol):
    """What windows are played by, for senders of commands."""

    async def pins(
        self, studio_id: str, game_id: str, event_key: str, window_id: str
    ) -> dict[int, WindowRow]:
        """The definition that each partition has pinned; empty for a window that was never used.

        The window's own pin is that of the partition of `names.event_aggregate`: it never changes.
        """
        ...


class LobbyDueRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lobby that waits for time."""

    studio_id: str
    game_id: str
    event_key: str
    window_id: str
    lobby_id: str
    due_at_ms: int


class WindowBoard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A board of a window, and how far it is finalized."""

    board_id: str
    next_chunk: int
    frozen: int
    """Ranks frozen so far."""
    finalized: bool


class DueReads(Protocol):
    """What time has brought or will bring, for the process managers."""

    async def windows_over(self, now_ms: int, limit: int) -> list[WindowRow]:
        """Windows past their end that are not finalized, the oldest end first.

        A window leaves once all partitions are closed and no board of it is unfinalized, so one without
        players leaves with its last partition: the process that closes windows settles their lobbies before
        that.
        """
        ...

    async def boards_of(self, row: WindowRow, limit: int) -> list[WindowBoard]:
        """Boards of a window that are not finalized, by id."""
        ...

    async def ranks(self, game_id: str, board_id: str, start: int, count: int) -> list[FinalEntry]:
        """Entries ranked `start` + 1 to `start` + `count`. Stable once all partitions are closed."""
        ...

    async def lobbies_due(self, now_ms: int, limit: int) -> list[LobbyDueRow]:
        """Lobbies whose time has come, the longest due first."""
        ...
