"""What is asked of a model, the same for each provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions of ours, and data that is not to be obeyed: one JSON text."""

    instructions: str
    data: str
    name: str
    """Of the output's schema: letters, digits, `_`."""
    schema: Mapping[str, Any]
    """JSON Schema of the output."""
    output_tokens_max: int


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `text` is empty where it was declined."""

    outcome: Literal["complete", "declined", "cut_off"]
    text: str
    tokens: int | None
    """What it took, input and output; None where the provider does not say."""


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """A vector for each text, in their order, each of length 1."""

    vectors: list[list[float]]
    tokens: int | None
    """As a completion's."""


class ProviderFailed(Exception):
    """No answer that can be used. The message holds no key and no text of the provider's."""

    def __init__(self, message: str, *, paid: bool, status: int = 0) -> None:
        super().__init__(message)
        self.paid = paid
        """Whether the provider may have counted tokens for it."""
        self.status = status
        """HTTP status; 0 for none."""


class KeyRefused(ProviderFailed):
    """The provider refused the key (401 or 403): it is not to be used again."""


class ChatModel(Protocol):
    """A model that writes."""

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask it, at most three times where it is busy or broken (429, 5xx). Raises ProviderFailed."""
        ...


class Embedder(Protocol):
    """A model that makes vectors."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Ask it, likewise. At least one text. Raises ProviderFailed."""
        ...
