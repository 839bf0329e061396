"""From a game's definition to its key batches. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.edge.ports import Game
from schemas.playtests.batch_views import BatchDefinition


def batch_definitions(game: Game) -> list[BatchDefinition]:
    """The batches that a game's definition declares, in its order: what an effect carries to the decider."""
    return [_batch(declared) for declared in game.definition.get("batches", [])]


def _batch(declared: dict[str, Any]) -> BatchDefinition:
    expires_at = declared["expiresAt"]
    return BatchDefinition(
        id=declared["id"],
        name=declared["name"],
        distribution_target=declared["distributionTarget"],
        fulfillment_source=declared["fulfillmentSource"],
        redemption_mode=declared["redemptionMode"],
        identity_mode=declared["identityMode"],
        expires_at_ms=_ms(expires_at) if expires_at is not None else None,
        instructions=declared["instructions"],
    )


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
