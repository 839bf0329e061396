"""A playtests state in pieces, for snapshots, and whole again.

Orders and batches can be large: what grows with their slots, pools and keys goes in pieces of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from immutables import Map

from schemas.playtests.account_views import Payment
from schemas.playtests.batch_views import Invite, Link
from streams.deciders import state_chunks
from streams.deciders.playtests.batch_state import Batch, Game, Key
from streams.deciders.playtests.state import (
    Account,
    Application,
    Forgotten,
    OrderState,
    PlaytesterState,
    PlaytestsState,
    Slot,
    StudioState,
)

PIECE_ROWS: Final = 128
"""Rows of orders and batches in one piece: about half a millisecond."""

_MAPS: Final[dict[str, Any]] = {
    "payments": dict[str, Payment],
    "playtesters": dict[str, PlaytesterState],
    "trials": dict[str, str],
    "codes": dict[str, bool],
    "forgotten": dict[str, Forgotten],
}
"""A studio's maps whose values are small."""
_PARTED: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "orders": (
        dict[str, OrderState],
        {
            "slots": dict[int, Slot],
            "holders": dict[str, int],
            "applications": dict[int, Application],
            "applicants": dict[str, int],
        },
    ),
    "games": (
        dict[str, Game],
        {"handles": dict[str, str], "links": dict[str, Link], "devices": dict[str, str]},
    ),
    "batches": (
        dict[str, Batch],
        {
            "keys": dict[int, Key],
            "numbers": dict[str, int],
            "invites": dict[str, Invite],
            "emails": dict[str, str],
        },
    ),
}
"""A studio's maps whose values have large maps of their own."""
_EMPTY: Final[Map[Any, Any]] = Map()
_ACCOUNT: Final = state_chunks.decoder(Account)
_TIME: Final = state_chunks.decoder(int)
_SMALL: Final = {name: state_chunks.decoder(kind) for name, kind in _MAPS.items()}
_WHOLE: Final = {name: state_chunks.decoder(kind) for name, (kind, _) in _PARTED.items()}
_PARTS: Final = {
    (name, part): state_chunks.decoder(kind)
    for name, (_, parts) in _PARTED.items()
    for part, kind in parts.items()
}


def pack(state: PlaytestsState) -> Iterator[bytes]:
    """The state in pieces."""
    yield state_chunks.chunk(("time_ms",), state.time_ms)
    for studio_id, studio in state.studios.items():
        yield state_chunks.chunk(("account", studio_id), studio.account)
        for name in _MAPS:
            yield from state_chunks.chunks((name, studio_id), getattr(studio, name))
        for name, (_, parts) in _PARTED.items():
            yield from _parted((name, studio_id), getattr(studio, name), tuple(parts))


def _parted(path: state_chunks.Path, whole: Mapping[str, Any], parts: tuple[str, ...]) -> Iterator[bytes]:
    """Small values together, some in each piece; a large one without its maps, and they follow.

    An order's keys are no map: they stay with it, and count.
    """
    counted = {*parts, "keys"}
    some: dict[str, Any] = {}
    rows = 0
    for key, value in whole.items():
        size = sum(len(getattr(value, part, ())) for part in counted) + 1
        if size <= PIECE_ROWS:
            some[key] = value
            rows += size
        else:
            bare = msgspec.structs.replace(value, **dict.fromkeys(parts, _EMPTY))
            yield state_chunks.chunk(path, {key: bare})
            for part in parts:
                yield from state_chunks.chunks((*path, key, part), getattr(value, part))
        if rows >= PIECE_ROWS:
            yield state_chunks.chunk(path, some)
            some, rows = {}, 0
    if some:
        yield state_chunks.chunk(path, some)


def unpack(pieces: Iterable[bytes | memoryview]) -> PlaytestsState:
    """The state of a snapshot. Raises `msgspec.DecodeError`, or KeyError for a piece of something else."""
    collecting = gc.isenabled()
    gc.disable()  # many new objects and no garbage: collecting takes two thirds of the time
    try:
        return _unpacked(pieces)
    finally:
        if collecting:
            gc.enable()


def _unpacked(pieces: Iterable[bytes | memoryview]) -> PlaytestsState:
    time_ms: int | None = None
    accounts: dict[str, Account] = {}
    maps: dict[str, dict[str, dict[str, Any]]] = {}
    parts: dict[tuple[str, str, str], dict[str, dict[Any, Any]]] = {}
    for data in pieces:
        piece = state_chunks.read_chunk(data)
        match piece.path:
            case ("time_ms",):
                time_ms = _TIME(piece.content)
            case ("account", studio_id):
                accounts[studio_id] = _ACCOUNT(piece.content)
                maps[studio_id] = {name: {} for name in (*_MAPS, *_PARTED)}
            case (name, studio_id):
                decode = _SMALL.get(name) or _WHOLE[name]
                maps[studio_id][name] |= decode(piece.content)
            case (name, studio_id, key, part):
                held = parts.setdefault((studio_id, name, key), {}).setdefault(part, {})
                held |= _PARTS[name, part](piece.content)
            case other:
                raise KeyError(other)
    if time_ms is None:
        raise msgspec.DecodeError("these pieces are no whole state")
    for (studio_id, name, key), held in parts.items():
        whole = maps[studio_id][name]
        whole[key] = msgspec.structs.replace(
            whole[key], **{part: Map(entries) for part, entries in held.items()}
        )
    studios = {
        studio_id: StudioState(account, **{name: Map(held) for name, held in maps[studio_id].items()})
        for studio_id, account in accounts.items()
    }
    return PlaytestsState(Map(studios), time_ms)
