"""What a liveops partition knows: players, windows as seen here, and events' groups, lobbies and boards.

Immutable, in persistent maps: a step forks one path of the tree. Structs are positional when packed, for
snapshots alone; another text of this module is another snapshot. `gc=False`: immutable things form no cycles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec
from immutables import Map

from schemas.liveops.views import Attempt, Bot, Grant
from streams.deciders import state_chunks


class Holding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A balance, or how many of an item are held. Never negative."""

    quantity: int
    updated_at_ms: int


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A player's entry on one board."""

    score: float
    best: float
    achieved_at_ms: int
    given: tuple[int, ...] = ()
    """Thresholds reached, by the reward's index."""


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A player in one window of an event."""

    window_id: str
    starts_at_ms: int
    ends_at_ms: int
    used: int
    """Attempts started."""
    attempts: tuple[Attempt, ...]
    """Newest first; only the first can be active."""
    entries: Map[str, Entry] = Map()
    """By board id."""
    settled: Map[str, float] = Map()
    """Sum of the scores of ended attempts, by board id."""
    rated: tuple[tuple[str, int, float], ...] = ()
    """Increases of the last minute, as (metric, second, sum), of metrics that have a limit for it."""


class Player(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything of one player."""

    external_id: str
    created_at_ms: int
    sequence: int = 1
    secret_hash: str = ""
    movements: int = 0
    """Ledger rows so far."""
    wallet: Map[str, Holding] = Map()
    items: Map[str, Holding] = Map()
    """Only what is held."""
    grants: Map[str, Grant] = Map()
    """Kept for life: a grant's id is what keeps it from being given twice."""
    runs: Map[str, tuple[Run, ...]] = Map()
    """By event key, newest window first."""


class Marker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An (event, window) as this partition knows it. `definition` is what its first use was resolved with."""

    ends_at_ms: int
    reference: str = ""
    definition: bytes = b""
    closed_at_ms: int | None = None
    sequence: int = 1


class Lobby(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A lobby that is forming or active; a closed one is forgotten."""

    id: str
    number: int
    status: Literal["forming", "active"]
    segment: str
    size: int
    min_players: int
    fills_at_ms: int
    bots_per_minute: float | None
    players: tuple[tuple[str, int], ...] = ()
    """(external id, joined at), in order of arrival."""
    activated_at_ms: int = 0
    bots: tuple[Bot, ...] = ()
    bot_entries: Map[str, Entry] = Map()
    """By bot id."""
    next_due_ms: int | None = None
    has_server: bool = False
    """Whether the fleet is to give it a game server."""


class Board(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a board is finalized."""

    next_chunk: int
    frozen: int
    """Ranks frozen so far."""
    finalized: bool = False


class EventWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Groups, lobbies and final ranks of one (event, window)."""

    sequence: int = 0
    groups: Map[str, int] = Map()
    """A player's group."""
    last_group: int = 0
    last_group_members: int = 0
    lobbies: Map[str, Lobby] = Map()
    lobby_count: int = 0
    lobby_of: Map[str, str] = Map()
    """The lobby a player joined last."""
    forming: Map[str, str] = Map()
    """The forming lobby of each segment ("" in other modes)."""
    boards: Map[str, Board] = Map()


class Forgotten(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A player who is forgotten, in every partition."""

    pseudonym: str
    sequence: int
    """How many events the player had had."""


class LiveopsState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One partition's state. Maps are by aggregate id."""

    players: Map[str, Player] = Map()
    markers: Map[str, Marker] = Map()
    windows: Map[str, EventWindow] = Map()
    time_ms: int = 0
    """The latest event's time. One clock for the partition: past a marker no event is before its end."""
    forgotten: Map[str, Forgotten] = Map()
    """By the player's aggregate id."""


_LARGE: Final = {
    "groups": dict[str, int],
    "lobbies": dict[str, Lobby],
    "lobby_of": dict[str, str],
    "forming": dict[str, str],
    "boards": dict[str, Board],
}
"""The maps of a window that grow with its players."""
_PLAYERS: Final = state_chunks.decoder(dict[str, Player])
_MARKERS: Final = state_chunks.decoder(dict[str, Marker])
_FORGOTTEN: Final = state_chunks.decoder(dict[str, Forgotten])
_WINDOW: Final = state_chunks.decoder(EventWindow)
_TIME: Final = state_chunks.decoder(int)
_MAPS: Final = {name: state_chunks.decoder(kind) for name, kind in _LARGE.items()}


def pack(state: LiveopsState) -> Iterator[bytes]:
    """The state in pieces, for a snapshot."""
    yield state_chunks.chunk(("time_ms",), state.time_ms)
    yield from state_chunks.chunks(("players",), state.players)
    yield from state_chunks.chunks(("markers",), state.markers)
    yield from state_chunks.chunks(("forgotten",), state.forgotten)
    empty: dict[str, Any] = dict.fromkeys(_LARGE, Map())
    for window_id, window in state.windows.items():
        yield state_chunks.chunk(("windows", window_id), msgspec.structs.replace(window, **empty))
        for name in _LARGE:
            yield from state_chunks.chunks(("windows", window_id, name), getattr(window, name))


def unpack(pieces: Iterable[bytes | memoryview]) -> LiveopsState:
    """The state of a snapshot. Raises `msgspec.DecodeError`, or KeyError for a piece of something else."""
    collecting = gc.isenabled()
    gc.disable()  # a hundred thousand new objects and no garbage: collecting takes two thirds of the time
    try:
        return _unpacked(pieces)
    finally:
        if collecting:
            gc.enable()


def _unpacked(pieces: Iterable[bytes | memoryview]) -> LiveopsState:
    time_ms: int | None = None
    players: dict[str, Player] = {}
    markers: dict[str, Marker] = {}
    forgotten: dict[str, Forgotten] = {}
    windows: dict[str, EventWindow] = {}
    maps: dict[str, dict[str, dict[str, Any]]] = {}
    for data in pieces:
        piece = state_chunks.read_chunk(data)
        match piece.path:
            case ("time_ms",):
                time_ms = _TIME(piece.content)
            case ("players",):
                players |= _PLAYERS(piece.content)
            case ("markers",):
                markers |= _MARKERS(piece.content)
            case ("forgotten",):
                forgotten |= _FORGOTTEN(piece.content)
            case ("windows", window_id):
                windows[window_id] = _WINDOW(piece.content)
                maps[window_id] = {name: {} for name in _LARGE}
            case ("windows", window_id, name):
                maps[window_id][name] |= _MAPS[name](piece.content)
            case other:
                raise KeyError(other)
    if time_ms is None:
        raise msgspec.DecodeError("these pieces are no whole state")
    whole = {
        window_id: msgspec.structs.replace(
            window, **{name: Map(entries) for name, entries in maps[window_id].items()}
        )
        for window_id, window in windows.items()
    }
    return LiveopsState(
        players=Map(players),
        markers=Map(markers),
        windows=Map(whole),
        time_ms=time_ms,
        forgotten=Map(forgotten),
    )
