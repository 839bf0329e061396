"""Whether what is decided again equals the answers that clients got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from deploy.nouns import deciding
from deploy.redis_stores import open_stores
from projections.redis.reader import outcome_key
from schemas.envelope import Outcome
from schemas.outcomes import messages_of

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.envelope import Decided

DIFFERENT_MAX: Final = 100_000
"""So many are named; beyond it a repair names no more."""
_decoder: Final = msgspec.msgpack.Decoder(Outcome)


class Comparison:
    """Compares decided commands with the outcomes that Redis holds from before the loss."""

    def __init__(self, configured: Settings) -> None:
        self._stores = open_stores(configured)
        self._nouns = {noun.name: noun.projection for noun in deciding(configured)}
        self.different: list[str] = []
        """Ids of commands whose stored answer is another."""

    async def add(self, noun: str, decided: Decided) -> None:
        """Compare one."""
        projection = self._nouns[noun]
        store = self._stores.of(projection).of(decided.game_id)
        stored = await store.redis.get(outcome_key(decided.command_id))
        if stored is None or len(self.different) >= DIFFERENT_MAX:
            return
        outcome = projection.outcome_of(decided, messages_of(decided, projection.events))
        if outcome is not None and outcome != _decoder.decode(cast("bytes", stored)):
            self.different.append(decided.command_id)

    async def close(self) -> None:
        """Close the connection."""
        await self._stores.aclose()
