"""A fleet state in pieces, for snapshots, and whole again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from immutables import Map

from streams.deciders import state_chunks
from streams.deciders.fleet.state import (
    BuildState,
    FleetState,
    HostState,
    LobbyServer,
    Project,
    ServerState,
    StoppedServer,
)

_MAPS: Final[dict[str, Any]] = {
    "hosts": dict[str, HostState],
    "projects": dict[str, Project],
    "servers": dict[str, ServerState],
    "stopped": dict[str, StoppedServer],
    "stopped_order": dict[int, str],
    "queued": dict[str, int],
    "waiting_builds": dict[str, str],
}
_NUMBERS: Final = ("first_stopped", "next_stopped", "next_turn", "time_ms")
_PARTS: Final[dict[str, Any]] = {"builds": dict[str, BuildState], "lobbies": dict[str, LobbyServer]}
"""The maps of a project that grow."""
_EMPTY: Final[Map[Any, Any]] = Map()
_DECODERS: Final = {name: state_chunks.decoder(kind) for name, kind in _MAPS.items()}
_PART_DECODERS: Final = {name: state_chunks.decoder(kind) for name, kind in _PARTS.items()}
_NUMBERS_DECODER: Final = state_chunks.decoder(dict[str, int])


def pack(state: FleetState) -> Iterator[bytes]:
    """The state in pieces; a project's builds and lobbies are pieces of their own."""
    yield state_chunks.chunk(("numbers",), {name: getattr(state, name) for name in _NUMBERS})
    for name in _MAPS:
        if name == "projects":
            for key, project in state.projects.items():
                bare = msgspec.structs.replace(project, **dict.fromkeys(_PARTS, _EMPTY))
                yield state_chunks.chunk((name,), {key: bare})
                for part in _PARTS:
                    yield from state_chunks.chunks((part, key), getattr(project, part))
        else:
            yield from state_chunks.chunks((name,), getattr(state, name))


def unpack(pieces: Iterable[bytes | memoryview]) -> FleetState:
    """The state of a snapshot. Raises `msgspec.DecodeError`, or KeyError for a piece of something else."""
    maps: dict[str, dict[Any, Any]] = {name: {} for name in _MAPS}
    parts: dict[str, dict[str, dict[str, Any]]] = {}
    numbers: dict[str, int] | None = None
    for data in pieces:
        piece = state_chunks.read_chunk(data)
        match piece.path:
            case ("numbers",):
                numbers = _NUMBERS_DECODER(piece.content)
            case (name,):
                maps[name] |= _DECODERS[name](piece.content)
            case (part, key):
                held = parts.setdefault(key, {}).setdefault(part, {})
                held.update(_PART_DECODERS[part](piece.content))
            case other:
                raise KeyError(other)
    if numbers is None:
        raise msgspec.DecodeError("these pieces are no whole state")
    projects = maps["projects"]
    for key, grown in parts.items():
        whole: dict[str, Any] = {part: Map(entries) for part, entries in grown.items()}
        projects[key] = msgspec.structs.replace(projects[key], **whole)
    fields: dict[str, Any] = {**numbers, **{name: Map(held) for name, held in maps.items()}}
    return FleetState(**fields)
