"""What writes need of a game's definition, resolved once for each version of it and kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from schemas.edge.ports import Game
from schemas.liveops.commands import InventoryMode
from schemas.liveops.definitions import ResolvedEvent, resolve_events
from schemas.liveops.json import inventory_mode

GAMES_MAX: Final = 500


class Resolved(msgspec.Struct, frozen=True):
    """One version of a game."""

    events: dict[str, ResolvedEvent]
    items: frozenset[str]
    currencies: frozenset[str]
    inventory_mode: InventoryMode


class Definitions:
    """The games that were used last. A new version of a game is another entry."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, int], Resolved] = OrderedDict()

    def of(self, game: Game) -> Resolved:
        """The game's definition as writes need it."""
        key = (game.id, game.definition_version)
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = _resolve(game)
            if len(self._held) > GAMES_MAX:
                self._held.popitem(last=False)
        return found


def _resolve(game: Game) -> Resolved:
    catalog = game.definition.get("catalog") or {}
    return Resolved(
        events={event.definition.event_key: event for event in resolve_events(game)},
        items=frozenset(item["itemKey"] for item in catalog.get("items", [])),
        currencies=frozenset(one["economyKey"] for one in catalog.get("currencies", [])),
        inventory_mode=msgspec.convert(inventory_mode(game.definition), InventoryMode),
    )
