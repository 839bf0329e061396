"""What the reads ask of an AI, as a Protocol that `deploy` injects: they append nothing themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.studio.ai import AiPurpose, AiSettings
    from schemas.studio.ai_requests import AiAnswer, AiReason, AiRequest, AiText


class Ai(Protocol):
    """A studio's AI. Raises StoreUnavailable."""

    async def usable(self, studio_id: str, purpose: AiPurpose) -> AiSettings | None:
        """The studio's settings where anything can be asked for a purpose; None without a key that works."""
        ...

    async def answer(self, studio_id: str, request: AiRequest) -> AiAnswer | AiReason:
        """A good answer, or why there is none; it takes up to 20 s. The same asked again is paid once."""
        ...

    async def texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        """The last good summaries by `text_key`, in the order asked."""
        ...

    async def vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        """Vectors by `vector_id`, in the order asked."""
        ...
