"""What a studio says of the AI that it pays for: models, where they are asked, and a month's budget.

Source: the analytics contract, "AI". Keys are no part of it: they are set by `questlog ai key` and travel
sealed, bound to their studio and purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

import msgspec

from schemas.seal import Sealer

AiPurpose = Literal["chat", "embedding"]
"""What a key is for. A studio has at most one of each."""
PURPOSES: Final[tuple[AiPurpose, ...]] = get_args(AiPurpose)
DIMENSIONS: Final = 256
"""Of every vector, whichever model makes it."""
MONTHLY_TOKENS: Final = 1_000_000
KEY_CHARACTERS_MAX: Final = 500
_BASE_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "google": "https://generativelanguage.googleapis.com/v1beta",
    "local": "",
}
_CHAT_MODELS: Final = {"openai": "gpt-5-mini", "google": "gemini-2.5-flash"}
_EMBEDDING_MODELS: Final = {
    "openai": "text-embedding-3-small",
    "google": "text-embedding-004",
    "local": "wordllama-256",
}
_SIMILARITIES: Final = {"openai": 0.75, "google": 0.75, "local": 0.5}


class AiModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A model, and where it is asked. NOTE: stored in events."""

    provider: Literal["openai", "google", "local"]
    """`openai`: that, or what speaks its HTTP. `local`: a package's vectors, in the process itself."""
    base_url: str
    model: str

    @property
    def id(self) -> str:
        """As answers name it: `openai/gpt-5-mini`."""
        return f"{self.provider}/{self.model}"


class EmbeddingModel(AiModel, frozen=True, kw_only=True, rename="camel"):
    """A model that makes vectors; texts are alike from `similarity` (cosine) on."""

    similarity: float


class AiSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A studio's models, and how many tokens a UTC month may take. NOTE: stored in events."""

    chat: AiModel
    embedding: EmbeddingModel
    monthly_tokens: int = MONTHLY_TOKENS

    def model(self, purpose: AiPurpose) -> AiModel:
        """The one for a purpose."""
        return self.chat if purpose == "chat" else self.embedding


def chat_model(provider: Literal["openai", "google"], base_url: str | None, model: str | None) -> AiModel:
    """A model with the defaults of its provider."""
    return AiModel(
        provider=provider, base_url=base_url or _BASE_URLS[provider], model=model or _CHAT_MODELS[provider]
    )


def embedding_model(
    provider: Literal["openai", "google", "local"],
    base_url: str | None,
    model: str | None,
    similarity: float | None,
) -> EmbeddingModel:
    """Likewise."""
    return EmbeddingModel(
        provider=provider,
        base_url=base_url or _BASE_URLS[provider],
        model=model or _EMBEDDING_MODELS[provider],
        similarity=_SIMILARITIES[provider] if similarity is None else similarity,
    )


DEFAULT_AI: Final = AiSettings(
    chat=chat_model("openai", None, None), embedding=embedding_model("openai", None, None, None)
)


def ai_of(settings: AiSettings | msgspec.UnsetType) -> AiSettings:
    """What a studio that says nothing has: the defaults."""
    return DEFAULT_AI if isinstance(settings, msgspec.UnsetType) else settings


class AiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored: the effects worker alone opens it. NOTE: stored in Redis."""

    purpose: AiPurpose
    sealed: str
    version: int
    """Counts how often the studio's key of this purpose was set."""
    set_at_ms: int
    paused_status: int = 0
    """The provider's refusal (401 or 403) since which it is not used; 0 for none."""

    @property
    def usable(self) -> bool:
        """Whether anything is asked with it."""
        return not self.paused_status


def key_problem(value: str) -> str | None:
    """Why a text can't be a provider's key; None where it can. The text itself is never in the message."""
    if not value:
        return "the key is empty: give it on standard input"
    if len(value) > KEY_CHARACTERS_MAX:
        return f"a key has at most {KEY_CHARACTERS_MAX} characters"
    if not all(32 < ord(character) < 127 for character in value):
        return "a key is printable ASCII without spaces"
    return None


def sealed_key(
    sealer: Sealer, studio_id: str, purpose: AiPurpose, value: str, randomness: Callable[[int], bytes]
) -> str:
    """A key, sealed for its studio and purpose."""
    return sealer.data_key(studio_id, _aggregate(purpose), randomness).seal("key", value, randomness)


def open_key(sealer: Sealer, studio_id: str, key: AiKey) -> str:
    """The key's value. Raises SealBroken: changed, of another studio or purpose, or of an unknown secret."""
    return sealer.open(key.sealed, studio_id=studio_id, aggregate_id=_aggregate(key.purpose), field="key")


def _aggregate(purpose: AiPurpose) -> str:
    return f"ai-key/{purpose}"
