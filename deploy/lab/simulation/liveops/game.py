"""The simulated game: one event that never ends, one whose windows end all the time, one with lobbies."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.ports import Game, Limits
from schemas.liveops.definitions import ResolvedEvent, resolve_event

GAME_ID: Final = "game-1"
STUDIO_ID: Final = "studio-1"
ENDLESS: Final = "frags"
SPRINT: Final = "sprint"
DUEL: Final = "duel"
CAP: Final = 3
"""Attempts of a player in the endless event's window."""
_SHARED: Final[dict[str, Any]] = {"mode": "global", "metrics": {"frags": {}}, "scoreFormula": "frags"}
_GOLD: Final[dict[str, Any]] = {"type": "currency", "key": "gold"}
_DEFINITIONS: Final[dict[str, dict[str, Any]]] = {
    ENDLESS: {
        "window": {"every": "month"},
        "attemptCap": CAP,
        "rewards": [{"trigger": "score >= 5", "entries": [_GOLD | {"quantity": 7}]}],
    },
    SPRINT: {
        "window": {"seconds": 10, "from": "2026-01-05T00:00:00Z"},
        "keep": "best",
        "rewards": [
            {"trigger": "rank <= 1", "entries": [_GOLD | {"quantity": 100}]},
            {"trigger": "rank <= 3", "entries": [_GOLD | {"quantity": 10}]},
        ],
    },
    DUEL: {
        "window": {"seconds": 20, "from": "2026-01-05T00:00:00Z"},
        "keep": "sum",
        "matchmaking": {"size": 3, "minPlayers": 2, "fillSeconds": 3, "bots": {"perMinute": 60}},
        "rewards": [{"trigger": "rank <= 2", "entries": [_GOLD | {"quantity": 5}]}],
    },
}


_OTHERWISE: Final[dict[str, Any]] = {"scoreFormula": "frags * 1000.0", "order": "asc"}
"""What every other version of the game says instead: nothing of it may be seen in a window of the others."""


def events(version: int = 1) -> dict[str, ResolvedEvent]:
    """Every event of a version of the game, by key."""
    definitions = [
        {"eventKey": key, "name": key.title()} | _SHARED | own | (_OTHERWISE if version % 2 == 0 else {})
        for key, own in _DEFINITIONS.items()
    ]
    game = game_of(version, {"events": definitions})
    found = {key: resolve_event(game, key) for key in _DEFINITIONS}
    return {key: one for key, one in found.items() if one is not None}


def game_of(version: int = 1, definition: dict[str, Any] | None = None) -> Game:
    """A version of the game."""
    return Game(
        id=GAME_ID,
        studio_id=STUDIO_ID,
        slug="game",
        name="Game",
        created_at_ms=0,
        limits=Limits(),
        definition=definition or {},
        definition_version=version,
    )
