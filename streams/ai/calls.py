"""One request put to a provider: what comes back is checked, asked for once more, and counted.

Source: the analytics contract, "AI".
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from schemas.studio.ai import DIMENSIONS
from schemas.studio.ai_outputs import OutputRefused, checked_output
from schemas.studio.ai_requests import CALLS_MAX, AiRequest, AiResult, vector_id
from streams.ai.ports import ChatModel, Embedder, KeyRefused, ProviderFailed
from streams.ai.prompts import prompt_of

_PACK: Final = struct.Struct(f"<{DIMENSIONS}f").pack


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, and the status with which the provider refused the key; 0 where it did not."""

    result: AiResult
    key_refused: int = 0


async def ask_chat(model: ChatModel, request: AiRequest) -> Called:
    """A checked answer, or why there is none. Never raises ProviderFailed."""
    tokens, why = 0, ""
    for _ in range(CALLS_MAX):
        try:
            completion = await model.complete(prompt_of(request))
        except ProviderFailed as failed:
            return _failed(failed, tokens, request)
        tokens += request.call_tokens_max if completion.tokens is None else completion.tokens
        if completion.outcome == "declined":
            result = AiResult(status="ai_declined", tokens=tokens, why="the model declined")
            return Called(result=result)
        if completion.outcome == "cut_off":
            why = "the answer was cut off"
            continue
        try:
            output = checked_output(request.kind, request.input, completion.text)
        except OutputRefused as refused:
            why = str(refused)
            continue
        return Called(result=AiResult(status="ok", tokens=tokens, output=output))
    return Called(result=AiResult(status="ai_error", tokens=tokens, why=why))


async def ask_embedder(model: Embedder, request: AiRequest) -> Called:
    """A vector for each text of the input, or why there is none. Never raises ProviderFailed."""
    texts = msgspec.json.decode(request.input, type=list[str])
    try:
        found = await model.embed(texts)
    except ProviderFailed as failed:
        return _failed(failed, 0, request)
    vectors = {
        vector_id(request.model_id, text): _PACK(*vector)
        for text, vector in zip(texts, found.vectors, strict=True)
    }
    tokens = request.call_tokens_max if found.tokens is None else found.tokens
    return Called(result=AiResult(status="ok", tokens=tokens, vectors=vectors))


def _failed(failed: ProviderFailed, tokens: int, request: AiRequest) -> Called:
    tokens += request.call_tokens_max if failed.paid else 0
    result = AiResult(status="ai_error", tokens=tokens, why=str(failed))
    return Called(result=result, key_refused=failed.status if isinstance(failed, KeyRefused) else 0)
