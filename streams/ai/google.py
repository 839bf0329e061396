"""Google's Gemini API: content generation and embeddings.

Source: Google's reference, `models.generateContent` and `models.batchEmbedContents` (v1beta).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from schemas.studio.ai import DIMENSIONS
from streams.ai.http import ProviderHttp
from streams.ai.ports import Completion, Embeddings, Prompt, ProviderFailed
from streams.ai.vectors import unit_vectors

_DECLINED: Final = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER"}
)


class _Part(msgspec.Struct):
    text: str = ""
    thought: bool = False


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    total_token_count: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Generated(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None


class _Values(msgspec.Struct):
    values: list[float]


class _Vectors(msgspec.Struct):
    embeddings: list[_Values]


class GoogleChat:
    """Implements `ChatModel`."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model

    async def complete(self, prompt: Prompt) -> Completion:
        """By `POST /models/{model}:generateContent` with a response schema and no tools."""
        body = {
            "systemInstruction": {"parts": [{"text": prompt.instructions}]},
            "contents": [{"role": "user", "parts": [{"text": prompt.data}]}],
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": _schema(prompt.schema),
                "maxOutputTokens": prompt.output_tokens_max,
            },
        }
        answer = await self._http.post(f"/models/{self._model}:generateContent", body, _Generated)
        tokens = None if answer.usage_metadata is None else answer.usage_metadata.total_token_count
        if not answer.candidates:
            if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason:
                return Completion(outcome="declined", text="", tokens=tokens)
            raise ProviderFailed("the provider gave no candidate", paid=True)
        candidate = answer.candidates[0]
        if candidate.finish_reason in _DECLINED:
            return Completion(outcome="declined", text="", tokens=tokens)
        text = "".join(part.text for part in candidate.content.parts if not part.thought)
        cut_off = candidate.finish_reason == "MAX_TOKENS"
        return Completion(outcome="cut_off" if cut_off else "complete", text=text, tokens=tokens)


class GoogleEmbedder:
    """Implements `Embedder`. The provider does not say how many tokens it took."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """By `POST /models/{model}:batchEmbedContents`."""
        requests = [
            {
                "model": f"models/{self._model}",
                "content": {"parts": [{"text": text}]},
                "taskType": "CLUSTERING",
                "outputDimensionality": DIMENSIONS,
            }
            for text in texts
        ]
        answer = await self._http.post(
            f"/models/{self._model}:batchEmbedContents", {"requests": requests}, _Vectors
        )
        vectors = [one.values for one in answer.embeddings[: len(texts)]]
        vectors += [[]] * (len(texts) - len(vectors))
        return Embeddings(vectors=unit_vectors(vectors), tokens=None)


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema as the subset of OpenAPI's that the API takes: no `additionalProperties`."""
    made: dict[str, Any] = {}
    for name, value in schema.items():
        match name:
            case "additionalProperties":
                continue
            case "type":
                made[name] = str(value).upper()
            case "properties":
                made[name] = {key: _schema(one) for key, one in value.items()}
            case "items":
                made[name] = _schema(value)
            case _:
                made[name] = value
    return made
