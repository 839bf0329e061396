"""What the studio decider knows, and how events change it. Pure; state is immutable.

One partition holds all studios: it owns all that is globally unique (studio slugs, game ids, key hashes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from immutables import Map

from schemas.codec import Message
from schemas.edge.ports import KeyKind
from schemas.playtests.pricing import PlaytestPricing
from schemas.studio.ai import AiSettings
from schemas.studio.events import (
    AiEvent,
    DiscordEvent,
    ExperimentDigestMade,
    ExperimentEvent,
    GameChanged,
    GameDefined,
    KeyCreated,
    KeyRevoked,
    KeyRotated,
    StudioChanged,
    StudioDefined,
    StudioEvent,
)
from schemas.studio.experiments import ExperimentLife
from schemas.studio.games import GameSettings
from streams.deciders import state_chunks
from streams.deciders.discord_threads import DiscordThreads, with_call
from streams.deciders.studio_ai_state import StudioAi, evolve_ai


class Studio(msgspec.Struct, frozen=True, kw_only=True):
    """A studio, and what belongs to it by slug."""

    slug: str
    name: str
    plan: str
    created_at_ms: int
    sequence: int = 1
    """Events so far."""
    games: Map[str, str] = Map()
    """Game id by slug."""
    active_keys: int = 0
    """All kinds, those of playtesters included."""
    playtester_keys: int = 0
    """Active ones."""
    playtest_pricing: PlaytestPricing | msgspec.UnsetType = msgspec.UNSET
    ai: AiSettings | msgspec.UnsetType = msgspec.UNSET
    management_key_id: str = ""
    """The one active management key; empty for none."""


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A game's newest definition."""

    studio_id: str
    settings: GameSettings
    definition_version: int
    created_at_ms: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A credential. A revoked one is kept, so that its id and its hash never come back."""

    studio_id: str
    game_id: str
    tester_id: str
    kind: str
    name: str
    hash: str
    created_at_ms: int
    revoked: bool = False


class StudioState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything decided so far."""

    studios: Map[str, Studio] = Map()
    studio_ids: Map[str, str] = Map()
    """Studio id by slug."""
    games: Map[str, Game] = Map()
    keys: Map[str, Key] = Map()
    key_ids: Map[str, str] = Map()
    """Key id by every hash that was ever given out."""
    experiments: Map[str, ExperimentLife] = Map()
    """By `experiment_key`; a deleted one is kept, so that its id never comes back."""
    ai: Map[str, StudioAi] = Map()
    """By studio; absent before its first key."""
    discord: DiscordThreads = DiscordThreads()
    time_ms: int = 0
    """The latest event's time."""


def experiment_key(studio_id: str, experiment_id: str) -> str:
    """Experiments' ids are unique in a studio."""
    return f"{studio_id}/{experiment_id}"


def evolve(state: StudioState, event: Message, at_ms: int) -> StudioState:  # noqa: C901 - a case for each event
    """The state after an event. An event that no decider could have written raises, and halts its reader."""
    match event:
        case StudioDefined():
            state = _studio_defined(state, event)
        case StudioChanged():
            studio = state.studios[event.studio_id]
            studio = msgspec.structs.replace(
                studio,
                slug=event.slug,
                name=event.name,
                plan=event.plan,
                playtest_pricing=event.playtest_pricing,
                ai=event.ai,
            )
            state = _with_studio(state, event, studio)
        case GameDefined() | GameChanged():
            state = _game_defined(state, event)
        case KeyCreated():
            state = _key_created(state, event)
        case KeyRotated():
            rotated = msgspec.structs.replace(state.keys[event.key_id], hash=event.hash)
            state = _with_studio(state, event, state.studios[event.studio_id])
            state = _with_key(state, event.key_id, rotated)
        case KeyRevoked():
            state = _key_revoked(state, event)
        case ExperimentEvent():
            state = _with_studio(state, event, state.studios[event.studio_id])
            key = experiment_key(event.studio_id, event.experiment.id)
            state = msgspec.structs.replace(state, experiments=state.experiments.set(key, event.experiment))
        case ExperimentDigestMade():
            state = _with_studio(state, event, state.studios[event.studio_id])
        case AiEvent():
            state = _with_studio(state, event, state.studios[event.studio_id])
            asking = evolve_ai(state.ai.get(event.studio_id, StudioAi()), event)
            state = msgspec.structs.replace(state, ai=state.ai.set(event.studio_id, asking))
        case DiscordEvent():
            state = _with_studio(state, event, state.studios[event.studio_id])
            state = msgspec.structs.replace(state, discord=with_call(state.discord, event))
        case _:
            raise TypeError(f"{type(event).__name__} is no event of this noun")
    return msgspec.structs.replace(state, time_ms=max(state.time_ms, at_ms))


def _studio_defined(state: StudioState, event: StudioDefined) -> StudioState:
    studio = Studio(
        slug=event.slug,
        name=event.name,
        plan=event.plan,
        created_at_ms=event.created_at_ms,
        playtest_pricing=event.playtest_pricing,
        ai=event.ai,
    )
    return msgspec.structs.replace(
        state,
        studios=state.studios.set(event.studio_id, studio),
        studio_ids=state.studio_ids.set(event.slug, event.studio_id),
    )


def _game_defined(state: StudioState, event: GameDefined | GameChanged) -> StudioState:
    studio = state.studios[event.studio_id]
    games = studio.games
    # Two games may swap their slugs in one command: only what is still this game's goes away.
    if isinstance(event, GameChanged) and games.get(event.previous_slug) == event.game_id:
        games = games.delete(event.previous_slug)
    games = games.set(event.settings.slug, event.game_id)
    game = Game(
        studio_id=event.studio_id,
        settings=event.settings,
        definition_version=event.definition_version,
        created_at_ms=event.created_at_ms,
    )
    state = _with_studio(state, event, msgspec.structs.replace(studio, games=games))
    return msgspec.structs.replace(state, games=state.games.set(event.game_id, game))


def _key_created(state: StudioState, event: KeyCreated) -> StudioState:
    studio = state.studios[event.studio_id]
    management = event.key_id if event.kind == KeyKind.MANAGEMENT else studio.management_key_id
    studio = _counted(studio, event.kind, 1, management)
    key = Key(
        studio_id=event.studio_id,
        game_id=event.game_id,
        tester_id=event.tester_id,
        kind=event.kind,
        name=event.name,
        hash=event.hash,
        created_at_ms=event.created_at_ms,
    )
    return _with_key(_with_studio(state, event, studio), event.key_id, key)


def _key_revoked(state: StudioState, event: KeyRevoked) -> StudioState:
    studio = state.studios[event.studio_id]
    management = "" if studio.management_key_id == event.key_id else studio.management_key_id
    studio = _counted(studio, event.kind, -1, management)
    key = msgspec.structs.replace(state.keys[event.key_id], revoked=True)
    return _with_key(_with_studio(state, event, studio), event.key_id, key)


def _counted(studio: Studio, kind: str, more: int, management_key_id: str) -> Studio:
    return msgspec.structs.replace(
        studio,
        active_keys=studio.active_keys + more,
        playtester_keys=studio.playtester_keys + (more if kind == KeyKind.PLAYTESTER else 0),
        management_key_id=management_key_id,
    )


def _with_studio(state: StudioState, event: StudioEvent, studio: Studio) -> StudioState:
    counted = msgspec.structs.replace(studio, sequence=studio.sequence + 1)
    return msgspec.structs.replace(state, studios=state.studios.set(event.studio_id, counted))


def _with_key(state: StudioState, key_id: str, key: Key) -> StudioState:
    return msgspec.structs.replace(
        state, keys=state.keys.set(key_id, key), key_ids=state.key_ids.set(key.hash, key_id)
    )


def pack(state: StudioState) -> Iterator[bytes]:
    """The state in pieces, for a snapshot: there are never many studios, so one."""
    yield state_chunks.encode(state)


def unpack(pieces: Iterable[bytes | memoryview]) -> StudioState:
    """The state of a snapshot. Raises `msgspec.DecodeError`."""
    (data,) = pieces
    state: StudioState = _STATE(data)
    return state


_STATE: Final = state_chunks.decoder(StudioState)
