"""What is personal of telemetry: everything that a player or a device sent."""

from __future__ import annotations

from typing import Final

from schemas.persons import Identity, Personal, PersonalTable

_PLAYER: Final[dict[str, Identity]] = {"player_id": "player"}

PERSONAL: Final = Personal(
    tables={
        "events": PersonalTable(ids=_PLAYER, fields=("properties", "x", "y", "z", "input_method")),
        "positions": PersonalTable(ids=_PLAYER, fields=("x", "y", "z", "properties")),
        "funnel_steps": PersonalTable(ids=_PLAYER, fields=("properties",)),
        "performance": PersonalTable(ids=_PLAYER, fields=("properties", "input_method")),
        "players": PersonalTable(ids=_PLAYER, fields=("region", "hardware", "properties")),
        "session_parts": PersonalTable(
            ids={"player_id": "player", "tester_handle": "handle"},
            fields=("title", "platform", "metadata", "experiments", "country", "region", "city"),
        ),
        "insights": PersonalTable(ids=_PLAYER, fields=("evidence",)),
        "feedback": PersonalTable(ids=_PLAYER, fields=("answers",)),
        "messages": PersonalTable(
            ids={"player_id": "player", "author": "handle"}, fields=("text", "message_id")
        ),
    },
    impersonal_tables={"models": "levels, which a studio uploads"},
)
