"""The `ai` section of a studio's definition: which models it asks, where, and how much a month."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from schemas.studio.ai import MONTHLY_TOKENS, AiSettings, chat_model, embedding_model
from schemas.studio.definitions_events import Finding, Section
from schemas.studio.definitions_webhooks import URL_LENGTH_MAX, url_problem

Model = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}\Z",
        description="1 to 100 of letters, digits and `._:/@-`, the first a letter or digit",
    ),
]
Url = Annotated[str, Meta(max_length=URL_LENGTH_MAX)]


class ChatSection(Section, frozen=True, kw_only=True):
    """The model that writes. Without a model and an address: the provider's usual ones."""

    provider: Literal["openai", "google"] = "openai"
    base_url: Url | None = None
    model: Model | None = None


class EmbeddingSection(Section, frozen=True, kw_only=True):
    """The model that makes vectors, and from which cosine on two texts are alike."""

    provider: Literal["openai", "google", "local"] = "openai"
    base_url: Url | None = None
    model: Model | None = None
    similarity: Annotated[float, Meta(gt=0, lt=1)] | None = None


class AiSection(Section, frozen=True, kw_only=True):
    """What a studio asks of AI providers. The keys are set by `questlog ai key`."""

    chat: ChatSection = ChatSection()
    embedding: EmbeddingSection = EmbeddingSection()
    monthly_tokens: Annotated[int, Meta(ge=0, le=10**12)] = MONTHLY_TOKENS


def ai_settings(section: AiSection) -> AiSettings:
    """The section with its defaults filled in."""
    chat, embedding = section.chat, section.embedding
    return AiSettings(
        chat=chat_model(chat.provider, _plain(chat.base_url), chat.model),
        embedding=embedding_model(
            embedding.provider, _plain(embedding.base_url), embedding.model, embedding.similarity
        ),
        monthly_tokens=section.monthly_tokens,
    )


def ai_problems(section: AiSection) -> Iterator[Finding]:
    """What the shapes alone don't say, with paths below `ai`. Addresses are checked when they are called."""
    for name, url in (("chat", section.chat.base_url), ("embedding", section.embedding.base_url)):
        problem = None if url is None else url_problem(url)
        if problem is not None:
            yield (name, "baseUrl"), problem
        elif url is not None and "?" in url:
            yield (name, "baseUrl"), "no query: paths are appended to it"
    if section.embedding.provider == "local":
        if section.embedding.base_url is not None:
            yield ("embedding", "baseUrl"), "the provider local calls no address"
        if section.embedding.model not in {None, "wordllama-256"}:
            yield ("embedding", "model"), "the provider local has wordllama-256 alone"


def _plain(url: str | None) -> str | None:
    return None if url is None else url.rstrip("/")
