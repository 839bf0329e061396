"""The demo's part in an experiment: a bot asks for its variants before a session, as a game's SDK does."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

if TYPE_CHECKING:
    from deploy.lab.demo.game.run import Seat

MONSTERS: Final = "exp_monsters"
"""Of the demo's definition: `fierce` plays one skill higher than the build says."""
TIMEOUT_SECONDS: Final = 2.0
SKILL_MAX: Final = 5


def ask_variants(base_url: str, ingest_key: str, game_id: str, place: Seat) -> dict[str, str]:
    """The variant of each running experiment that a seat's player takes part in; none without an answer."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(
        parts.hostname or "localhost", parts.port or 80, timeout=TIMEOUT_SECONDS
    )
    asked = {"gameId": game_id, "deviceId": place.player.player_id, "buildVersion": place.build_id}
    try:
        connection.request(
            "GET",
            f"/api/telemetry/experiments?{urlencode(asked)}",
            headers={"authorization": f"Bearer {ingest_key}"},
        )
        response = connection.getresponse()
        content: dict[str, Any] = json.loads(response.read())
        return content["experiments"] if response.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {}
    finally:
        connection.close()


def as_assigned(place: Seat, variants: dict[str, str]) -> Seat:
    """The seat as its player's variants change it."""
    if variants.get(MONSTERS) == "fierce":
        return msgspec.structs.replace(place, skill=min(place.skill + 1, SKILL_MAX))
    return place
