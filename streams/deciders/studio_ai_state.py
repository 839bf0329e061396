"""What the studio decider knows of what a studio asks of AI providers, and how events change it. Pure."""

from __future__ import annotations

from typing import Final

import msgspec
from immutables import Map

from schemas.studio.ai import AiKey
from schemas.studio.ai_requests import EMBEDDINGS, SUMMARIES, AiRequest, AiStatus, month_of, text_key
from schemas.studio.events import (
    AiCallStarted,
    AiEvent,
    AiFinished,
    AiKeyCleared,
    AiKeyEvent,
    AiRequested,
)

RESULTS_MAX: Final = 2_000
"""Results of a studio that are remembered, the last summaries of subjects not counted."""
TEXTS_MAX: Final = 5_000
"""Subjects of a studio whose last summary is kept."""
DROPPED_AT_ONCE: Final = 100


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is not done: what is kept of the month's budget for it, and who calls the provider."""

    request: AiRequest
    """Without its input."""
    attempt: int
    tokens_max: int
    month: str
    runner: str = ""
    """The worker that has taken it; empty before."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request."""

    status: AiStatus
    attempt: int
    finished_at_ms: int
    vectors: list[str] = []
    """Ids."""


class StudioAi(msgspec.Struct, frozen=True, kw_only=True):
    """One studio's."""

    keys: Map[str, AiKey] = Map()
    """By purpose."""
    keys_set: int = 0
    """How many were ever set: the newest one's version."""
    month: str = ""
    """The latest of which anything was counted."""
    month_tokens: int = 0
    """What it has taken, requests that are not done not counted."""
    pending: Map[str, Pending] = Map()
    """By hash of the request."""
    done: Map[str, Done] = Map()
    """Likewise."""
    texts: Map[str, str] = Map()
    """Hash of the request that gave a subject's last good summary, by `text_key`."""

    def taken(self, month: str) -> int:
        """Tokens of a month that are spent or kept for what is not done."""
        spent = self.month_tokens if self.month == month else 0
        return spent + sum(one.tokens_max for one in self.pending.values() if one.month == month)


def evolve_ai(asking: StudioAi, event: AiEvent) -> StudioAi:
    """What is known after an event. One that no decider could have written raises."""
    replace = msgspec.structs.replace
    match event:
        case AiKeyEvent():
            keys = asking.keys.set(event.key.purpose, event.key)
            return replace(asking, keys=keys, keys_set=max(asking.keys_set, event.key.version))
        case AiKeyCleared():
            return replace(asking, keys=asking.keys.delete(event.purpose))
        case AiRequested():
            pending = Pending(
                request=replace(event.request, input=""),
                attempt=event.attempt,
                tokens_max=event.request.tokens_max,
                month=month_of(event.requested_at_ms),
            )
            return replace(asking, pending=asking.pending.set(event.hash, pending))
        case AiCallStarted():
            started = replace(asking.pending[event.hash], runner=event.runner)
            return replace(asking, pending=asking.pending.set(event.hash, started))
        case AiFinished():
            return _finished(asking, event)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of what is asked of AI providers")


def _finished(asking: StudioAi, event: AiFinished) -> StudioAi:
    done = Done(
        status=event.result.status,
        attempt=event.attempt,
        finished_at_ms=event.finished_at_ms,
        vectors=sorted(event.result.vectors) if event.request.kind in EMBEDDINGS else [],
    )
    results, texts = asking.done.mutate(), asking.texts.mutate()
    for one in event.dropped:
        del results[one]
    for key in event.dropped_texts:
        del texts[key]
    results[event.hash] = done
    if event.request.kind in SUMMARIES and event.result.status == "ok":
        texts[text_key(event.request.kind, event.request.game_id, event.request.subject)] = event.hash
    newest = event.month >= asking.month
    return msgspec.structs.replace(
        asking,
        month=event.month if newest else asking.month,
        month_tokens=event.month_tokens if newest else asking.month_tokens,
        pending=asking.pending.delete(event.hash),
        done=results.finish(),
        texts=texts.finish(),
    )
