"""What effects of the fleet look up of studios and games, as they are now."""

from __future__ import annotations

from typing import Protocol

from schemas.edge.ports import Studio
from streams.definition_reader import Games


class Directory(Games, Protocol):
    """Raises StoreUnavailable."""

    async def studio(self, studio_id: str) -> Studio | None:
        """A studio as it is now."""
        ...
