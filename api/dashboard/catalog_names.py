"""What people call a game's currencies and items. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.edge.ports import Game


def catalog_names(game: Game) -> dict[str, str]:
    """The catalog's names, by `type key`."""
    catalog: dict[str, Any] = game.definition.get("catalog") or {}
    names = {f"currency {one['economyKey']}": one["name"] for one in catalog.get("currencies", [])}
    return names | {f"item {one['itemKey']}": one["name"] for one in catalog.get("items", [])}
