"""What a studio asks of AI providers, in Redis: which events set what. Pure.

Keys: `ai-keys:<studio>` purpose -> AiKey · `ai-pending:<studio>` hash of the request -> AiPending ·
`ai-answers:<studio>` hash -> AiAnswer · `ai-texts:<studio>` `text_key` -> AiText · `ai-vectors:<studio>`
`vector_id` -> 256 floats · `ai-months:<studio>` `2026-11` -> AiMonth · `ai-started:<studio>` hash -> when the
provider was called. Other values are MessagePack of the structs named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from projections.redis.operations import Operation, delete_field, set_field
from schemas.codec import Message
from schemas.studio.ai_requests import SUMMARIES, AiAnswer, AiMonth, AiPending, AiText, text_key
from schemas.studio.events import (
    AiCallStarted,
    AiEvent,
    AiFinished,
    AiKeyCleared,
    AiKeyEvent,
    AiKeyPaused,
    AiKeySet,
    AiRequested,
)

_encode: Final = msgspec.msgpack.Encoder().encode


def change_of(event: AiEvent) -> str:
    """What changed, in a line."""
    match event:
        case AiKeySet():
            return f"AI key for {event.key.purpose}: set"
        case AiKeyPaused():
            return f"AI key for {event.key.purpose}: paused"
        case AiKeyCleared():
            return f"AI key for {event.purpose}: cleared"
        case AiRequested():
            return f"AI request {event.hash}: new"
        case AiCallStarted():
            return f"AI request {event.hash}: asked"
        case AiFinished():
            return f"AI request {event.hash}: {event.result.status}"
        case _:
            raise TypeError(f"{event.WIRE} has no line")


def _key(event: AiKeyEvent, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions
    settings.append(set_field(f"ai-keys:{event.studio_id}", event.key.purpose, _encode(event.key)))


def _key_cleared(event: AiKeyCleared, deletions: list[Operation], settings: list[Operation]) -> None:
    del settings
    deletions.append(delete_field(f"ai-keys:{event.studio_id}", event.purpose))


def _requested(event: AiRequested, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions
    wanted = event.request
    pending = AiPending(
        kind=wanted.kind,
        subject=wanted.subject,
        game_id=wanted.game_id,
        requested_at_ms=event.requested_at_ms,
    )
    settings.append(set_field(f"ai-pending:{event.studio_id}", event.hash, _encode(pending)))


def _started(event: AiCallStarted, deletions: list[Operation], settings: list[Operation]) -> None:
    del deletions
    settings.append(set_field(f"ai-started:{event.studio_id}", event.hash, str(event.started_at_ms)))


def _finished(event: AiFinished, deletions: list[Operation], settings: list[Operation]) -> None:
    studio_id, wanted, result = event.studio_id, event.request, event.result
    deletions += [delete_field(f"{name}:{studio_id}", event.hash) for name in ("ai-pending", "ai-started")]
    deletions += [delete_field(f"ai-answers:{studio_id}", one) for one in event.dropped]
    deletions += [delete_field(f"ai-vectors:{studio_id}", one) for one in event.dropped_vectors]
    deletions += [delete_field(f"ai-texts:{studio_id}", one) for one in event.dropped_texts]
    answer = AiAnswer(
        kind=wanted.kind,
        model_id=wanted.model_id,
        attempt=event.attempt,
        status=result.status,
        output=result.output,
        finished_at_ms=event.finished_at_ms,
        why=result.why,
    )
    settings.append(set_field(f"ai-answers:{studio_id}", event.hash, _encode(answer)))
    if wanted.kind in SUMMARIES and result.status == "ok":
        text = AiText(
            output=result.output,
            model_id=wanted.model_id,
            generated_at_ms=event.finished_at_ms,
            based_on_sessions=wanted.based_on_sessions,
        )
        key = text_key(wanted.kind, wanted.game_id, wanted.subject)
        settings.append(set_field(f"ai-texts:{studio_id}", key, _encode(text)))
    settings += [set_field(f"ai-vectors:{studio_id}", one, vector) for one, vector in result.vectors.items()]
    month = AiMonth(month=event.month, tokens=event.month_tokens)
    settings.append(set_field(f"ai-months:{studio_id}", event.month, _encode(month)))


PROJECTORS: Final[dict[type[Message], Callable[[Any, list[Operation], list[Operation]], None]]] = {
    AiKeySet: _key,
    AiKeyPaused: _key,
    AiKeyCleared: _key_cleared,
    AiRequested: _requested,
    AiCallStarted: _started,
    AiFinished: _finished,
}
