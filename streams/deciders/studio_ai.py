"""Decides about what a studio asks of AI providers: its keys and its requests. Pure and total.

Source: the analytics contract, "AI".
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.codec import Message
from schemas.seal import SEALED_CHARACTERS_MAX
from schemas.studio.ai import AiKey, ai_of
from schemas.studio.commands import ClearAiKey, FinishAi, PauseAiKey, RequestAi, SetAiKey, StartAi
from schemas.studio.events import AiKeyCleared, AiKeyPaused, AiKeySet
from streams.deciders import studio_ai_requests
from streams.deciders.noun import Request, Verdict
from streams.deciders.refusals import refused
from streams.deciders.studio_ai_state import StudioAi
from streams.deciders.studio_state import Studio, StudioState

COMMANDS: Final = (SetAiKey, ClearAiKey, PauseAiKey, RequestAi, StartAi, FinishAi)


def decide(state: StudioState, request: Request, command: Message) -> Verdict:
    """The events of a command about AI, none where nothing changes, or its refusal."""
    studio = state.studios.get(request.studio_id)
    if studio is None:
        return refused(404, "unknown_studio", "there is no such studio")
    asking = state.ai.get(request.studio_id, StudioAi())
    match command:
        case SetAiKey():
            return _set(studio, asking, request, command)
        case ClearAiKey():
            known = asking.keys.get(command.purpose)
            return (AiKeyCleared(studio_id=request.studio_id, purpose=command.purpose),) if known else ()
        case PauseAiKey():
            return _pause(asking, request, command)
        case RequestAi() | StartAi() | FinishAi():
            return studio_ai_requests.decide(ai_of(studio.ai), asking, request, command)
        case _:
            raise TypeError(f"{type(command).__name__} is no command about AI")


def _set(studio: Studio, asking: StudioAi, request: Request, command: SetAiKey) -> Verdict:
    if command.purpose == "embedding" and ai_of(studio.ai).embedding.provider == "local":
        return refused(409, "needs_no_key", "the studio's embedding provider is local: it needs no key")
    if not 0 < len(command.sealed) <= SEALED_CHARACTERS_MAX:
        return refused(400, "invalid_key", "the key is not sealed", "sealed")
    key = AiKey(
        purpose=command.purpose,
        sealed=command.sealed,
        version=asking.keys_set + 1,
        set_at_ms=request.at_ms,
    )
    return (AiKeySet(studio_id=request.studio_id, key=key),)


def _pause(asking: StudioAi, request: Request, command: PauseAiKey) -> Verdict:
    """Of the version that was refused alone: another may have been set meanwhile."""
    known = asking.keys.get(command.purpose)
    if known is None or known.version != command.version or not known.usable:
        return ()
    paused = msgspec.structs.replace(known, paused_status=command.status)
    return (AiKeyPaused(studio_id=request.studio_id, key=paused),)
