"""Which provider is asked for a studio's model, over connections that are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp

from schemas.studio.ai import AiModel
from streams.ai.google import GoogleChat, GoogleEmbedder
from streams.ai.http import ANSWER_S, CONNECTIONS_MAX, ProviderHttp
from streams.ai.local import LocalEmbedder
from streams.ai.openai import OpenAiChat, OpenAiEmbedder
from streams.ai.ports import ChatModel, Embedder
from streams.checked_http import checked_session
from streams.webhooks.addresses import Network


class Providers:
    """Makes models that are ready to be asked. `close` it afterwards; asked again, it opens again.

    `how` goes to `ProviderHttp`: pauses and time limits.
    """

    def __init__(self, allowed: Sequence[Network], **how: Any) -> None:
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None
        self._how = how

    def chat(self, model: AiModel, key: str) -> ChatModel:
        """The model, asked with a key."""
        if model.provider == "google":
            return GoogleChat(self._http(model, {"x-goog-api-key": key}), model.model)
        return OpenAiChat(self._http(model, {"Authorization": f"Bearer {key}"}), model.model)

    def embedder(self, model: AiModel, key: str) -> Embedder:
        """Likewise; `local` needs no key."""
        match model.provider:
            case "local":
                return LocalEmbedder()
            case "google":
                return GoogleEmbedder(self._http(model, {"x-goog-api-key": key}), model.model)
            case "openai":
                return OpenAiEmbedder(self._http(model, {"Authorization": f"Bearer {key}"}), model.model)

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _http(self, model: AiModel, headers: dict[str, str]) -> ProviderHttp:
        if self._session is None:
            self._session = checked_session(
                self._allowed, answer_s=ANSWER_S, connections_max=CONNECTIONS_MAX, decompress=True
            )
        return ProviderHttp(self._session, model.base_url, headers, **self._how)
