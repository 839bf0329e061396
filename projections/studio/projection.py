"""Studios, games, keys and definitions in Redis: which events set what, and what answers a command. Pure.

Keys (each prefixed by the noun's generation, `studio:<generation>:`): `studios` id -> Studio ·
`studio-slugs` slug -> id · `games` id -> Game · `games-of:<studio>` id -> Game · `game-slugs:<studio>` slug
-> game id · `credentials` hash of the value -> Credential · `keys-of:<studio>` key id -> KeyRow ·
`experiments:<studio>` id -> ExperimentLife · `experiments-of:<game>` id -> ExperimentLife ·
`experiment-digests:<studio>` experiment id -> Digest · those of
`ai_projection`. Values are MessagePack of the structs named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from projections.redis.operations import Operation, delete_field, set_field
from projections.redis.reader import Projection
from projections.studio import ai_projection
from schemas.codec import Message
from schemas.edge.ports import Credential, Game, Studio
from schemas.envelope import Decided, Outcome
from schemas.outcomes import outcome
from schemas.studio.answers import StudioAnswer
from schemas.studio.discord import DiscordAnswer
from schemas.studio.events import (
    EVENTS,
    AiEvent,
    DiscordEvent,
    DiscordMessagesAppended,
    DiscordSessionOpened,
    ExperimentCreated,
    ExperimentDeleted,
    ExperimentDigestMade,
    ExperimentEvent,
    ExperimentResumed,
    ExperimentStarted,
    ExperimentStopped,
    ExperimentWinnerPicked,
    GameChanged,
    GameDefined,
    KeyCreated,
    KeyRevoked,
    KeyRotated,
    StudioChanged,
    StudioDefined,
)
from schemas.studio.experiments import NO_WINNER
from schemas.studio.noun import STUDIO_EVENTS

NOUN: Final = "studio"
_encode: Final = msgspec.msgpack.Encoder().encode


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its owner lists it; the value itself is nowhere."""

    key_id: str
    kind: str
    name: str
    game_id: str
    tester_id: str
    created_at_ms: int
    rotated_at_ms: int | None = None


def project(
    decided: Decided, messages: Sequence[Message], appended_at_ms: int, partition: int
) -> list[Operation]:
    """What one command's events set. Deletions go first, so that two games may exchange their slugs."""
    del decided, appended_at_ms, partition  # the times that matter here are the events' own
    deletions: list[Operation] = []
    settings: list[Operation] = []
    for message in messages:
        _PROJECTORS[type(message)](message, deletions, settings)
    return deletions + settings


def outcome_of(decided: Decided, messages: Sequence[Message]) -> Outcome | None:
    """The stored answer, from the command's own events alone. None for a repeat: the first one answers."""
    return outcome(decided, lambda: _status_and_answer(decided, messages))


def _status_and_answer(decided: Decided, messages: Sequence[Message]) -> tuple[int, msgspec.Struct]:
    match messages:
        case [DiscordEvent() as call]:
            created = int(isinstance(call, DiscordSessionOpened))
            answer = DiscordAnswer(
                session_id=call.session_id, sessions_created=created, messages_ingested=len(call.messages)
            )
            return (201 if created else 200), answer
        case _:
            return 200, _answer(decided, messages)


def _answer(decided: Decided, messages: Sequence[Message]) -> StudioAnswer:
    changes: list[str] = []
    answer: dict[str, str] = {"studio_id": decided.studio_id, "game_id": decided.game_id}
    for message in messages:
        changes.append(_change(message))
        if isinstance(message, StudioDefined | StudioChanged | GameDefined | GameChanged):
            answer["studio_id"] = message.studio_id
        elif isinstance(message, KeyCreated | KeyRotated):
            answer |= {name: getattr(message, name) for name in ("studio_id", *_KEY_FIELDS)}
        elif isinstance(message, KeyRevoked):
            answer |= {name: getattr(message, name) for name in ("studio_id", "key_id", "kind", "game_id")}
        elif isinstance(message, ExperimentEvent) and not answer["game_id"]:
            answer["game_id"] = message.experiment.game_id
    return StudioAnswer(changes=changes, **answer)


_KEY_FIELDS: Final = ("key_id", "kind", "name", "game_id", "tester_id")


def _change(message: Message) -> str:  # noqa: PLR0911, C901 - a line for each event
    match message:
        case StudioDefined():
            return f"studio {message.slug}: new"
        case StudioChanged():
            return f"studio {message.slug}: {', '.join(message.changed)}"
        case GameDefined():
            return f"game {message.settings.slug}: new"
        case GameChanged():
            return f"game {message.settings.slug}: {', '.join(message.changed)}"
        case KeyCreated():
            return f"key {message.key_id}: new"
        case KeyRotated():
            return f"key {message.key_id}: rotated"
        case KeyRevoked():
            return f"key {message.key_id}: revoked"
        case ExperimentWinnerPicked():
            return f"experiment {message.experiment.id}: winner {message.experiment.winner or NO_WINNER}"
        case ExperimentEvent():
            return f"experiment {message.experiment.id}: {_EXPERIMENT_CHANGES[type(message)]}"
        case ExperimentDigestMade():
            return f"experiment {message.experiment_id}: digest {message.digest.status}"
        case AiEvent():
            return ai_projection.change_of(message)
        case _:
            raise TypeError(f"{message.WIRE} has no line in `apply`")


_EXPERIMENT_CHANGES: Final[dict[type[Message], str]] = {
    ExperimentCreated: "new",
    ExperimentStarted: "running",
    ExperimentStopped: "stopped",
    ExperimentResumed: "running again",
    ExperimentDeleted: "deleted",
}


def _studio(event: Any, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions  # a studio's slug never changes
    studio = Studio(
        id=event.studio_id,
        slug=event.slug,
        name=event.name,
        plan=event.plan,
        created_at_ms=event.created_at_ms,
        playtest_pricing=event.playtest_pricing,
        ai=event.ai,
    )
    settings.append(set_field("studios", studio.id, _encode(studio)))
    settings.append(set_field("studio-slugs", studio.slug, studio.id))


def _game(event: Any, deletions: list[Operation], settings: list[Operation]) -> None:
    game = Game(
        id=event.game_id,
        studio_id=event.studio_id,
        slug=event.settings.slug,
        name=event.settings.name,
        created_at_ms=event.created_at_ms,
        limits=event.settings.limits,
        heatmap_axes=event.settings.heatmap_axes,
        feedback_forms=event.settings.feedback_forms,
        definition=event.settings.definition,
        definition_version=event.definition_version,
    )
    if isinstance(event, GameChanged) and event.previous_slug not in ("", game.slug):
        deletions.append(delete_field(f"game-slugs:{game.studio_id}", event.previous_slug))
    encoded = _encode(game)
    settings.append(set_field("games", game.id, encoded))
    settings.append(set_field(f"games-of:{game.studio_id}", game.id, encoded))
    settings.append(set_field(f"game-slugs:{game.studio_id}", game.slug, game.id))


def _key(event: Any, deletions: list[Operation], settings: list[Operation]) -> None:
    credential = Credential(
        key_id=event.key_id,
        kind=event.kind,
        studio_id=event.studio_id,
        game_id=event.game_id,
        tester_id=event.tester_id,
    )
    rotated = isinstance(event, KeyRotated)
    if rotated:
        deletions.append(delete_field("credentials", event.previous_hash))
    row = KeyRow(
        key_id=event.key_id,
        kind=event.kind,
        name=event.name,
        game_id=event.game_id,
        tester_id=event.tester_id,
        created_at_ms=event.created_at_ms,
        rotated_at_ms=event.rotated_at_ms if rotated else None,
    )
    settings.append(set_field("credentials", event.hash, _encode(credential)))
    settings.append(set_field(f"keys-of:{event.studio_id}", event.key_id, _encode(row)))


def _revoked(event: KeyRevoked, deletions: list[Operation], settings: list[Operation]) -> None:
    del settings
    deletions.append(delete_field("credentials", event.hash))
    deletions.append(delete_field(f"keys-of:{event.studio_id}", event.key_id))


def _experiment(event: ExperimentEvent, deletions: list[Operation], settings: list[Operation]) -> None:
    life = event.experiment
    keys = (f"experiments:{event.studio_id}", f"experiments-of:{life.game_id}")
    if isinstance(event, ExperimentDeleted):
        deletions += [delete_field(key, life.id) for key in (*keys, f"experiment-digests:{event.studio_id}")]
    else:
        settings += [set_field(key, life.id, _encode(life)) for key in keys]


def _nothing(event: DiscordEvent, deletions: list[Operation], settings: list[Operation]) -> None:
    """A thread's session is telemetry's, whose log an effect appends it to."""


def _digest(event: ExperimentDigestMade, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions
    key = f"experiment-digests:{event.studio_id}"
    settings.append(set_field(key, event.experiment_id, _encode(event.digest)))


_PROJECTORS: Final[dict[type[Message], Callable[[Any, list[Operation], list[Operation]], None]]] = {
    StudioDefined: _studio,
    StudioChanged: _studio,
    GameDefined: _game,
    GameChanged: _game,
    KeyCreated: _key,
    KeyRotated: _key,
    KeyRevoked: _revoked,
    **dict.fromkeys((*_EXPERIMENT_CHANGES, ExperimentWinnerPicked), _experiment),
    ExperimentDigestMade: _digest,
    **ai_projection.PROJECTORS,
    DiscordSessionOpened: _nothing,
    DiscordMessagesAppended: _nothing,
}

STUDIO: Final = Projection(
    noun=NOUN, topic=STUDIO_EVENTS, events=EVENTS, project=project, outcome_of=outcome_of
)
