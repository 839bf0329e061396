"""OpenAI, and what speaks its HTTP: chat completions and embeddings.

Source: OpenAI's API reference, "Create chat completion" and "Create embeddings".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from schemas.studio.ai import DIMENSIONS
from streams.ai.http import ProviderHttp
from streams.ai.ports import Completion, Embeddings, Prompt, ProviderFailed
from streams.ai.vectors import unit_vectors


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    total_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class _Vector(msgspec.Struct):
    index: int
    embedding: list[float]


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None


class OpenAiChat:
    """Implements `ChatModel`."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model

    async def complete(self, prompt: Prompt) -> Completion:
        """By `POST /chat/completions` with a strict JSON schema and no tools."""
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": prompt.instructions},
                {"role": "user", "content": prompt.data},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
            },
            "max_completion_tokens": prompt.output_tokens_max,
        }
        answer = await self._http.post("/chat/completions", body, _Completion)
        tokens = None if answer.usage is None else answer.usage.total_tokens
        if not answer.choices:
            raise ProviderFailed("the provider gave no choice", paid=True)
        choice = answer.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            return Completion(outcome="declined", text="", tokens=tokens)
        text = choice.message.content or ""
        cut_off = choice.finish_reason == "length"
        return Completion(outcome="cut_off" if cut_off else "complete", text=text, tokens=tokens)


class OpenAiEmbedder:
    """Implements `Embedder`."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """By `POST /embeddings`."""
        body = {
            "model": self._model,
            "input": list(texts),
            "dimensions": DIMENSIONS,
            "encoding_format": "float",
        }
        answer = await self._http.post("/embeddings", body, _Vectors)
        found = {one.index: one.embedding for one in answer.data}
        ordered = [found.get(index, []) for index in range(len(texts))]
        tokens = None if answer.usage is None else answer.usage.total_tokens
        return Embeddings(vectors=unit_vectors(ordered), tokens=tokens)
